import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CrossEntropyTests {
  /// Rows and vocabulary.
  @Test(arguments: [[1, 2], [1, 5], [6, 3], [4, 17]])
  func gradients(_ shape: [Int]) {
    var values = SeededValues(seed: 2)
    let targets = TokenBuffer(values.integers(shape[0], below: shape[1]))
    expectGradients(
      of: { $0[0].crossEntropy(targets: targets) }, at: [.random(shape, seed: 1)])
  }

  /// The only token of a vocabulary is certain: no loss, and nothing to gain.
  @Test func isZeroForAVocabularyOfOne() {
    let (value, gradients) = valueWithGradient(at: [.random([3, 1], seed: 1)]) {
      $0[0].crossEntropy(targets: [0, 0, 0])
    }
    #expect(value.scalars == [0, 0, 0])
    #expect(gradients[0].scalars == [0, 0, 0])
  }

  @Test func trapsOnATargetOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) {
      _ = Variable(constant: Tensor(shape: [1, 3], repeating: 0)).crossEntropy(targets: [-1])
    }
  }
}
