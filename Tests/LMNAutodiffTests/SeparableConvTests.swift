import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SeparableConvTests {
  @Test(arguments: trees, [1, 4, 7])
  func gradients(of tree: Tree, width: Int) {
    let carried = Tensor.random([tree.carriedRows.count, width], seed: 5)
    expectGradients(
      of: {
        $0[0].separableConv(
          of: tree, carried: carried, taps: $0[1], pointwise: $0[2], bias: $0[3])
      },
      at: [
        .random([tree.length, width], seed: 1),
        .random([tree.banks, 3, width], seed: 2).scaled(by: Float(0.5).squareRoot()),
        .random([tree.banks, width, width], seed: 3).scaled(by: 1 / Float(width).squareRoot()),
        .random([tree.banks, width], seed: 4),
      ])
  }
}
