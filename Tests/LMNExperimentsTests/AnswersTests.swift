import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel
import Testing

@testable import LMNExperiments

@Suite struct AnswersTests {
  private func tokens(_ count: Int, seed: UInt64) -> [Token] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Token(generator.integer(below: 7)) }
  }

  @Test func theFirstOfTheLikeliestIsTaken() {
    let logits = Tensor(shape: [3, 3], scalars: [1, 3, 3, -1, -2, -3, 0, 0, 0])
    #expect(logits.likeliestTokens == [1, 0, 0])
  }

  @Test func onlyWhatIsAskedForCounts() throws {
    let network = try LanguageNetwork.small(vocabularySize: 7)
    let inputs = tokens(9, seed: 1)
    let answers = network(inputs).value.likeliestTokens
    func targets(_ answer: (Int) -> Token?) -> [Token] {
      inputs.indices.map { answer($0) ?? ignoredTarget }
    }
    let examples = [
      Example(inputs: inputs, targets: targets { $0 < 4 ? answers[$0] : nil }),
      Example(inputs: inputs, targets: targets { $0 == 5 ? (answers[5] + 1) % 7 : nil }),
      Example(inputs: inputs, targets: targets { $0 > 6 ? answers[$0] : nil }),
    ]
    #expect(network.rightAnswers(to: examples) == 6)
  }

  /// Greedy decoding in sequential form gives the likeliest tokens of the parallel form.
  @Test(arguments: [1, 5])
  func continuationsAreTheLikeliest(count: Int) throws {
    let network = try LanguageNetwork.small(vocabularySize: 7)
    let texts = [tokens(11, seed: 1), tokens(11, seed: 2), tokens(3, seed: 3)]
    let written = network.continuations(of: texts, count: count)
    for (text, written) in zip(texts, written) {
      let all = network(text + written).value.likeliestTokens
      #expect(written == Array(all[text.count - 1..<text.count + count - 1]))
    }
  }

  @Test func whatIsNotAskedForIsPredictedToo() {
    let example = Example(inputs: [4, 5, 6], targets: [-1, 9, -1])
    #expect(example.predictingAll == Example(inputs: [4, 5, 6], targets: [5, 9, ignoredTarget]))
  }
}
