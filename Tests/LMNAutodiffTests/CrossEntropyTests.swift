import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CrossEntropyTests {
  /// Rows and vocabulary.
  @Test(arguments: [[1, 2], [1, 5], [6, 3], [4, 17], [600, 5]])
  func gradients(_ shape: [Int]) {
    var values = SeededValues(seed: 2)
    let targets = TokenBuffer(values.integers(shape[0], below: shape[1]))
    expectGradients(
      of: { $0[0].crossEntropy(targets: targets) }, at: [.random(shape, seed: 1)])
  }

  /// Rows with ignored targets are not part of the mean.
  @Test(arguments: [[0, -1, 2], [-1, -100, 3], [-1, -1, -1]] as [[Token]])
  func gradientsOfTheMeanOverTargets(_ targets: [Token]) {
    let buffer = TokenBuffer(targets)
    expectGradients(
      of: { $0[0].crossEntropy(targets: buffer).mean(overTargets: buffer) },
      at: [.random([3, 5], seed: 1)])
    let logits = Tensor.random([3, 5], seed: 1)
    let rows = targets.indices.filter { targets[$0] >= 0 }
    guard !rows.isEmpty else { return }
    let counted = Variable(constant: logits.rows(at: rows))
      .crossEntropy(targets: TokenBuffer(rows.map { targets[$0] })).mean()
    let all = Variable(constant: logits).crossEntropy(targets: buffer).mean(overTargets: buffer)
    #expect(all.value == counted.value)
  }

  /// The only token of a vocabulary has probability 1: loss and gradient are 0.
  @Test func isZeroForAVocabularyOfOne() {
    let (value, gradients) = valueWithGradient(at: [.random([3, 1], seed: 1)]) {
      $0[0].crossEntropy(targets: [0, 0, 0])
    }
    #expect(value.scalars == [0, 0, 0])
    #expect(gradients[0].scalars == [0, 0, 0])
  }

  @Test func trapsOnATargetOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) {
      _ = Variable(constant: Tensor(shape: [1, 3], repeating: 0)).crossEntropy(targets: [3])
    }
  }
}
