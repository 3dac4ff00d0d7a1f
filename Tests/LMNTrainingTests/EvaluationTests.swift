import Foundation
import LMN
import Testing

@Suite struct EvaluationTests {
  /// Longer than a stretch of streaming, with characters of one to four bytes.
  private static let text = String(repeating: "the cat — “né” — ate 🐟.\n", count: 60)

  private func expectNear(
    _ found: Double, _ expected: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      abs(found - expected) <= 1e-5 * abs(expected), "\(found) is not \(expected)",
      sourceLocation: sourceLocation)
  }

  @Test(arguments: Summarizer.Kind.allCases)
  func streamingIsOneParallelRun(summarizer: Summarizer.Kind) throws {
    let tokenizer = try Tokenizer.characters(of: Self.text)
    let model = try LanguageModel.small(tokenizer, summarizer: summarizer)
    let tokens = try tokenizer.encode(Array(Self.text.utf8))
    #expect(tokens.count > 1025)
    let found = try Evaluation.streaming(model, over: tokens)
    let loss = model.network.loss(of: tokens.dropLast(), targets: Array(tokens.dropFirst()))
    expectNear(found.loss, Double(loss.value.scalar))
    #expect(found.tokens == tokens.count - 1)
  }

  @Test(arguments: [1, 7, 100, 100_000])
  func blocksAreRunsOfTheirOwn(length: Int) throws {
    let tokenizer = try Tokenizer.characters(of: Self.text)
    let model = try LanguageModel.small(tokenizer)
    let tokens = Array(try tokenizer.encode(Array(Self.text.utf8)).prefix(250))
    var (sum, start) = (0.0, 0)
    while start < tokens.count - 1 {
      let count = min(length, tokens.count - 1 - start)
      let loss = model.network.loss(
        of: Array(tokens[start..<start + count]),
        targets: Array(tokens[start + 1..<start + 1 + count]))
      sum += Double(count) * Double(loss.value.scalar)
      start += count
    }
    let found = try Evaluation.byBlocks(model, over: tokens, length: length)
    #expect(found.tokens == 249)
    expectNear(found.loss, sum / 249)
  }

  @Test func unitsFollowFromTheLoss() throws {
    let bytes = Array(Self.text.utf8)
    for tokenizer in [try Tokenizer.characters(of: Self.text), .bytes] {
      let model = try LanguageModel.small(tokenizer)
      let tokens = try tokenizer.encode(bytes)
      for found in [
        try Evaluation.streaming(model, over: tokens),
        try Evaluation.byBlocks(model, over: tokens, length: 64),
      ] {
        // The first token, a byte of ASCII, is not predicted.
        #expect(found.bytes == bytes.count - 1)
        expectNear(found.perplexity, exp(found.loss))
        expectNear(
          found.bitsPerByte, found.loss / log(2) * Double(found.tokens) / Double(found.bytes))
      }
    }
    #expect(bytes.count > Self.text.unicodeScalars.count)
  }

  @Test func twoTokensAreEnough() throws {
    let model = try LanguageModel.small(.bytes)
    let found = try Evaluation.streaming(model, over: [3, 4])
    #expect(try found == Evaluation.byBlocks(model, over: [3, 4], length: 9))
    #expect(found.tokens == 1 && found.loss > 0)
  }

  @Test func learnedPositionsEndSomewhere() throws {
    let model = try LanguageModel.small(.bytes) {
      ($0.positions, $0.maximumLength) = (.learned, 8)
    }
    let tokens = [Token](repeating: 7, count: 20)
    #expect(try Evaluation.streaming(model, over: Array(tokens.prefix(9))).tokens == 8)
    #expect(try Evaluation.byBlocks(model, over: tokens, length: 8).tokens == 19)
    #expect(throws: ConfigurationError.behindLastPosition(tokens: 9, maximumLength: 8)) {
      try Evaluation.streaming(model, over: Array(tokens.prefix(10)))
    }
    #expect(throws: ConfigurationError.behindLastPosition(tokens: 9, maximumLength: 8)) {
      try Evaluation.byBlocks(model, over: tokens, length: 9)
    }
  }

  @Test func codesUnderTheNamesOfTheLog() throws {
    let found = try Evaluation.streaming(LanguageModel.small(.bytes), over: [3, 4])
    let data = try JSONEncoder().encode(found)
    let keys = try JSONDecoder().decode([String: Double].self, from: data).keys
    #expect(Set(keys) == ["tokens", "bytes", "loss", "perplexity", "bits_per_byte"])
  }
}
