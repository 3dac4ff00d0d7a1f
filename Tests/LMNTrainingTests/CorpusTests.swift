import LMN
import Testing

@testable import LMNModel

@Suite struct CorpusTests {
  let digits = Array("0123456789".utf8)

  @Test func splitsTheBeginningFromTheEnd() throws {
    let corpus = try Corpus(text: Array(0..<100), tokenizer: .bytes, blockLength: 4)
    #expect(Array(corpus[.training]) == Array(0..<90))
    #expect(Array(corpus[.validation]) == Array(90..<100))
  }

  @Test func splitsByCharactersNotBytes() throws {
    let text = Array("αβγδεζηθικ".utf8)
    let corpus = try Corpus(
      text: text, tokenizer: .characters(Vocabulary(of: text)), blockLength: 1,
      trainingFraction: 0.5)
    #expect(Array(corpus[.training]) == [0, 1, 2, 3, 4])
    #expect(Array(corpus[.validation]) == [5, 6, 7, 8, 9])
  }

  @Test func targetsAreTheNextTokens() throws {
    let corpus = try Corpus(text: Array(0..<100), tokenizer: .bytes, blockLength: 7)
    var generator = SeededGenerator(seed: 1)
    for split in Corpus.Split.allCases {
      let tokens = Set(corpus[split])
      let batch = corpus.batch(of: split, count: 20, length: 7, using: &generator)
      #expect(batch.count == 20)
      for (inputs, targets) in batch {
        #expect(inputs.count == 7)
        #expect(inputs == Array(inputs[0]..<inputs[0] + 7))
        #expect(targets == inputs.map { $0 + 1 })
        #expect(tokens.isSuperset(of: inputs + targets))
      }
    }
  }

  @Test func everyPlaceIsReached() throws {
    let corpus = try Corpus(
      text: digits, tokenizer: .bytes, blockLength: 2, trainingFraction: 0.5)
    var generator = SeededGenerator(seed: 2)
    let starts = corpus.batch(of: .validation, count: 200, length: 2, using: &generator)
      .map { $0.inputs[0] - Token(digits[5]) }
    #expect(Set(starts) == [0, 1, 2])
  }

  @Test func seedDecidesTheBatch() throws {
    let corpus = try Corpus(text: Array(0..<100), tokenizer: .bytes, blockLength: 4)
    var (one, same, other) = (
      SeededGenerator(seed: 3), SeededGenerator(seed: 3), SeededGenerator(seed: 4)
    )
    let batch = corpus.batch(of: .training, count: 8, length: 4, using: &one)
    let (again, different) = (
      corpus.batch(of: .training, count: 8, length: 4, using: &same),
      corpus.batch(of: .training, count: 8, length: 4, using: &other)
    )
    #expect(batch.map(\.inputs) == again.map(\.inputs))
    #expect(batch.map(\.inputs) != different.map(\.inputs))
  }

  @Test func rejectsAnEmptyText() {
    #expect(throws: CorpusError.empty) {
      try Corpus(text: [], tokenizer: .bytes, blockLength: 1)
    }
  }

  @Test func shortestTextHasABlockAndATargetPerSplit() throws {
    _ = try Corpus(text: digits, tokenizer: .bytes, blockLength: 4, trainingFraction: 0.5)
    #expect(
      throws: CorpusError.tooShort(.training, tokenCount: 4, of: 10, blockLength: 4)
    ) {
      try Corpus(text: digits, tokenizer: .bytes, blockLength: 4, trainingFraction: 0.4)
    }
    let error = #expect(throws: CorpusError.self) {
      try Corpus(text: digits, tokenizer: .bytes, blockLength: 4)
    }
    #expect(
      error?.description
        == "the text is too short: 1 of its 10 tokens are in the validation part, "
        + "but blocks of 4 need at least 5")
  }

  @Test func rejectsTextThatTheTokenizerDoesNotKnow() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: digits))
    #expect(throws: TokenizerError.self) {
      try Corpus(text: Array("01x".utf8), tokenizer: tokenizer, blockLength: 1)
    }
  }

  @Test func trapsOnWindowsLongerThanTheSplit() async {
    await #expect(processExitsWith: .failure) {
      let corpus = try Corpus(text: Array(0..<100), tokenizer: .bytes, blockLength: 4)
      var generator = SeededGenerator(seed: 1)
      _ = corpus.batch(of: .validation, count: 1, length: 10, using: &generator)
    }
  }
}

extension Corpus {
  /// Windows from random places.
  fileprivate func batch(
    of split: Split, count: Int, length: Int, using generator: inout SeededGenerator
  ) -> [(inputs: [Token], targets: [Token])] {
    let windows = (0..<count).map { _ in TokenWindow(length: length, vocabularySize: 256) }
    fill(windows, of: split, using: &generator)
    return windows.map { (Array($0.inputs.elements), Array($0.targets.elements)) }
  }
}
