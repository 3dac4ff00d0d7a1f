import CAllocationCount
import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct EvaluationTests {
  /// Longer than a streaming chunk, with characters of one to four bytes.
  private static let text = String(repeating: "the cat — “né” — ate 🐟.\n", count: 60)

  private func expectNear(
    _ found: Double, _ expected: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      abs(found - expected) <= 1e-5 * abs(expected), "\(found) is not \(expected)",
      sourceLocation: sourceLocation)
  }

  @Test(arguments: SummarizerKind.allCases)
  func streamingIsOneParallelRun(summarizer: SummarizerKind) throws {
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
        // The first token, one byte of ASCII, is not predicted.
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
    #expect(throws: ConfigurationError.beyondLastPosition(tokens: 9, maximumLength: 8)) {
      try Evaluation.streaming(model, over: Array(tokens.prefix(10)))
    }
    #expect(throws: ConfigurationError.beyondLastPosition(tokens: 9, maximumLength: 8)) {
      try Evaluation.byBlocks(model, over: tokens, length: 9)
    }
    var evaluator = Evaluator(model, .streaming)
    for _ in 0..<3 { try evaluator.read(Array(tokens.prefix(3))) }
    #expect(throws: ConfigurationError.beyondLastPosition(tokens: 9, maximumLength: 8)) {
      try evaluator.read([7])
    }
  }

  @Test func codesUnderTheNamesOfTheLog() throws {
    let found = try Evaluation.streaming(LanguageModel.small(.bytes), over: [3, 4])
    let data = try JSONEncoder().encode(found)
    let keys = try JSONDecoder().decode([String: Double].self, from: data).keys
    #expect(Set(keys) == ["tokens", "bytes", "loss", "perplexity", "bits_per_byte"])
  }

  // MARK: - In pieces

  private static let modes: [Evaluator.Mode] = [
    .streaming, .blocks(length: 1), .blocks(length: 100), .blocks(length: 512),
    .blocks(length: 100_000),
  ]

  /// The cuts between pieces and the number of threads do not affect the bits.
  @Test func piecesChangeNothing() throws {
    let tokenizer = try Tokenizer.characters(of: Self.text)
    let model = try LanguageModel.small(tokenizer)
    let tokens = Array(try tokenizer.encode(Array(Self.text.utf8)).prefix(1300))
    for mode in Self.modes {
      func evaluate(piece: Int, threads: Int) throws -> Evaluation? {
        try computing(threads: threads) {
          var evaluator = Evaluator(model, mode)
          for begin in stride(from: 0, to: tokens.count, by: piece) {
            try evaluator.read(Array(tokens[begin..<min(begin + piece, tokens.count)]))
          }
          return evaluator.finish()
        }
      }
      let expected = try evaluate(piece: tokens.count, threads: 1)
      #expect(expected?.tokens == 1299)
      for (piece, threads) in [(1, 1), (511, 1), (512, 2), (513, 1), (700, 3), (1300, 4)] {
        let found = try evaluate(piece: piece, threads: threads)
        #expect(found == expected, "\(mode), pieces of \(piece)")
      }
    }
  }

  @Test func reportsOnFiles() throws {
    let bytes = Array(Self.text.utf8)
    let tokenizer = try Tokenizer.characters(of: Self.text)
    let model = try LanguageModel.small(tokenizer)
    let tokens = try tokenizer.encode(bytes)
    try withTemporaryDirectory { directory in
      let path = directory + "/text"
      try AtomicFile.write(bytes, to: path)
      var text = try TokenReader(path, tokenizer: tokenizer)
      let report = try EvaluationReport(of: model, on: &text, blockLength: 64)
      #expect(try report.streaming == .streaming(model, over: tokens))
      #expect(try report.blocks == .byBlocks(model, over: tokens, length: 64))
      for count in 0...1 {
        try AtomicFile.write(Array(bytes.prefix(count)), to: path)
        var short = try TokenReader(path, tokenizer: tokenizer)
        #expect(throws: EvaluationError.tooFewTokens(count)) {
          try EvaluationReport(of: model, on: &short, blockLength: 64)
        }
      }
    }
  }

  /// While the tree has the same number of levels, each piece allocates as much as the one before.
  @Test(.enabled(if: lmn_counts_allocations()))
  func latePiecesAllocateAsEarlyOnes() throws {
    let model = try LanguageModel.small(.bytes)
    for mode in [Evaluator.Mode.streaming, .blocks(length: 64)] {
      try computing {
        var evaluator = Evaluator(model, mode)
        let piece = [Token](repeating: 7, count: 512)
        let counts = try (0..<16).map { _ in
          let before = lmn_allocation_count()
          try evaluator.read(piece)
          return lmn_allocation_count() - before
        }
        // The last token of a piece is read with the next one, so these begin at 8·512.
        #expect(Set(counts[9..<16]).count == 1, "\(counts)")
        #expect(counts[15] > 0)
      }
    }
  }
}

extension Evaluation {
  /// Evaluation of a text as one stream.
  fileprivate static func streaming(
    _ model: LanguageModel, over tokens: [Token]
  ) throws -> Evaluation { try Evaluator(model, .streaming).evaluation(of: tokens) }

  /// Evaluation of a text in blocks.
  fileprivate static func byBlocks(
    _ model: LanguageModel, over tokens: [Token], length: Int
  ) throws -> Evaluation { try Evaluator(model, .blocks(length: length)).evaluation(of: tokens) }
}

extension Evaluator {
  fileprivate func evaluation(of tokens: [Token]) throws -> Evaluation {
    var evaluator = self
    try evaluator.read(tokens)
    let found = evaluator.finish()
    return try #require(found)
  }
}
