import LMNModel

/// Evaluation as one stream and in blocks.
public struct EvaluationReport<Finding: Sendable & Codable & Equatable>: Sendable, Codable,
  Equatable
{
  /// As one stream, with carried state.
  public let streaming: Finding
  /// In blocks, each from the initial state.
  public let blocks: Finding
  /// Number of characters of the text that are not in the vocabulary, skipped or read as its unknown
  /// token; nil without any.
  public let unknownCharacters: Int?

  enum CodingKeys: String, CodingKey {
    case streaming, blocks
    case unknownCharacters = "unknown_characters"
  }
}

extension EvaluationReport where Finding == Evaluation {
  /// Evaluates a model on a text, which is read once, to its end.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - text: Reader of the text's tokens.
  ///   - blockLength: Tokens per block.
  ///   - report: Called with the number of bytes of the text that were read.
  /// - Throws: ``EvaluationError``, `FileError` or ``TokenizerError`` of the text, or
  ///   `ConfigurationError` when there are too few learned positions.
  public init(
    of model: some TextModel, on text: inout TokenReader, blockLength: Int,
    report: ProgressReport = { _ in }
  ) throws {
    var streaming = Evaluator(model, .streaming)
    var blocks = Evaluator(model, .blocks(length: blockLength))
    var (count, isAtEnd) = (0, false)
    while !isAtEnd {
      let piece = try text.tokens(upTo: TokenReader.pieceLength)
      try streaming.read(piece)
      try blocks.read(piece)
      count += piece.count
      report(text.bytesRead)
      isAtEnd = piece.isEmpty
    }
    guard let streaming = streaming.finish(), let blocks = blocks.finish() else {
      throw EvaluationError.tooFewTokens(count)
    }
    guard streaming.loss.isFinite, blocks.loss.isFinite else { throw EvaluationError.notFinite }
    self.init(
      streaming: streaming, blocks: blocks,
      unknownCharacters: text.unknownCount == 0 ? nil : text.unknownCount)
  }
}

extension EvaluationReport where Finding == ForecastEvaluation {
  /// Evaluates a model on a series.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - series: A series with the model's channels, in their own units.
  ///   - blockLength: Rows per block.
  ///   - report: Called with the number of rows done, of twice those of the series.
  /// - Throws: ``EvaluationError``, or `ConfigurationError` when there are too few learned
  ///   positions.
  public init(
    of model: ForecasterModel, on series: Series, blockLength: Int,
    report: ProgressReport = { _ in }
  ) throws {
    guard series.count > 1 else { throw EvaluationError.tooFewRows(series.count) }
    let values = try series.normalised(by: model.network.normalisation)
    self.init(
      streaming: try .streaming(model, over: values, report: report),
      blocks: try .byBlocks(model, over: values, length: blockLength) {
        report(series.count + $0)
      }, unknownCharacters: nil)
    guard [streaming, blocks].allSatisfy(\.model.squared.isFinite) else {
      throw EvaluationError.notFinite
    }
  }
}

/// Data on which a model cannot be evaluated.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
  /// The text has fewer than two tokens.
  case tooFewTokens(Int)
  /// The series has fewer than two rows.
  case tooFewRows(Int)
  /// The loss is infinite or not a number.
  case notFinite

  /// A sentence with the count.
  public var description: String {
    switch self {
    case .tooFewTokens(let count):
      "there is nothing to predict in \(count) token\(count == 1 ? "" : "s")"
    case .tooFewRows(let count):
      "there is nothing to forecast in \(count) row\(count == 1 ? "" : "s")"
    case .notFinite:
      "the model's loss on it is not finite"
    }
  }
}
