import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SingleVectorAttentionTests {
  @Test(arguments: trees, [1, 3, 6])
  func gradients(of tree: Tree, heads: Int) {
    expectGradients(
      of: { $0[0].singleVectorAttention(keys: $0[1], of: tree, heads: heads) },
      at: [.random([tree.rowCount, 12], seed: 1), .random([tree.length, 6], seed: 2)])
  }

  /// One slot has all the weight, whatever its score: the token's own value comes out.
  @Test func givesTheFirstTokenItsOwnValue() {
    let slots = Tensor.random([1, 8], seed: 1)
    let attended = Variable(constant: slots).singleVectorAttention(
      keys: Variable(constant: .random([1, 4], seed: 2)), of: Tree(length: 1, banks: 2), heads: 2)
    #expect(attended.value.scalars == Array(slots.scalars[4...]))
  }

  @Test func trapsOnHeadsThatDoNotDivideTheWidth() async {
    await #expect(processExitsWith: .failure) {
      let zeros = { Variable(constant: Tensor(shape: $0, repeating: 0)) }
      _ = zeros([1, 8]).singleVectorAttention(
        keys: zeros([1, 4]), of: Tree(length: 1, banks: 1), heads: 3)
    }
  }
}
