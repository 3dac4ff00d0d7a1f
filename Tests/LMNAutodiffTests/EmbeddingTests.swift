import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct EmbeddingTests {
  /// Tokens that occur never, once and several times.
  @Test(arguments: [[0], [2, 2, 2], [4, 0, 3, 0, 4, 4, 1]] as [[Token]], [1, 3, 8])
  func gradients(_ tokens: [Token], width: Int) {
    expectGradients(
      of: { $0[0].embedding(of: TokenBuffer(tokens)) }, at: [.random([6, width], seed: 1)])
  }

  @Test func trapsOnATokenOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) {
      _ = Variable(constant: Tensor(shape: [3, 1], repeating: 0)).embedding(of: [0, 3])
    }
  }
}
