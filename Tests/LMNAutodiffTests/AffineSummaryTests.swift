import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct PairwiseSummaryTests {
  @Test(arguments: trees, [1, 4, 7])
  func gradients(of tree: Tree, width: Int) {
    let carried = Tensor.random([tree.carriedRows.count, width], seed: 4)
    expectGradients(
      of: { $0[0].pairwiseSummary(of: tree, carried: carried, weight: $0[1], bias: $0[2]) },
      at: [
        .random([tree.length, width], seed: 1),
        .random([tree.banks, 2 * width, width], seed: 2)
          .scaled(by: 1 / (2 * Float(width)).squareRoot()),
        .random([tree.banks, width], seed: 3),
      ])
  }

  @Test func trapsOnCarriedNodesThatAreMissing() async {
    await #expect(processExitsWith: .failure) {
      let zeros = { Variable(constant: Tensor(shape: $0, repeating: 0)) }
      _ = zeros([1, 2]).pairwiseSummary(
        of: Tree(start: 1, length: 1, banks: 1), carried: Tensor(shape: [0, 2], repeating: 0),
        weight: zeros([1, 4, 2]), bias: zeros([1, 2]))
    }
  }
}
