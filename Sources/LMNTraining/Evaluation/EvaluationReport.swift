import LMNModel

/// Evaluation as one stream and in blocks.
public struct EvaluationReport<Finding: Sendable & Codable & Equatable>: Sendable, Codable,
  Equatable
{
  /// As one stream, with carried state.
  public let streaming: Finding
  /// In blocks, each from the initial state.
  public let blocks: Finding
  /// From rolling origins; nil but for forecasters, and where no whole horizon follows an origin.
  public var rolling: RollingEvaluation?
  /// Number of characters of the text that are not in the vocabulary, skipped or read as its unknown
  /// token; nil without any.
  public let unknownCharacters: Int?

  enum CodingKeys: String, CodingKey {
    case streaming, blocks, rolling
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
      streaming: streaming, blocks: blocks, rolling: nil,
      unknownCharacters: text.unknownCount == 0 ? nil : text.unknownCount)
  }
}

extension EvaluationReport where Finding == ForecastEvaluation {
  /// Evaluates a model on series.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - series: Series with the model's columns, in their own units.
  ///   - blockLength: Rows per block.
  ///   - origins: Choice of the rolling origins.
  ///   - report: Called with the number of rows done, of three times those of the series.
  /// - Throws: ``EvaluationError``, ``ForecastError``, or `ConfigurationError` when there are too few
  ///   learned positions.
  public init(
    of model: ForecasterModel, on series: [Series], blockLength: Int,
    from origins: RollingEvaluation.Origins = .init(), report: ProgressReport = { _ in }
  ) throws {
    for series in series where series.count < 2 { throw EvaluationError.tooFewRows(series.count) }
    let count = series.reduce(0) { $0 + $1.count }
    var rows: [NormalisedSeries] = []
    for series in series { rows.append(try series.normalised(in: model.network.frame)) }
    self.init(
      streaming: try .streaming(model, over: rows, report: report),
      blocks: try .byBlocks(model, over: rows, length: blockLength) { report(count + $0) },
      rolling: try RollingEvaluation(of: model, on: series, origins) { report(2 * count + $0) },
      unknownCharacters: nil)
    // The rows after the last origin are not read.
    report(3 * count)
    guard [streaming, blocks].allSatisfy(\.model.squared.isFinite) else {
      throw EvaluationError.notFinite
    }
    if let from = origins.from, rolling == nil || from < 2 {
      throw EvaluationError.noOrigin(from: from, rows: count, horizon: model.network.horizon)
    }
  }
}

/// Data on which a model cannot be evaluated.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
  /// The text has fewer than two tokens.
  case tooFewTokens(Int)
  /// The series has fewer than two rows.
  case tooFewRows(Int)
  /// No whole horizon follows the first row to forecast, or no row is before it.
  case noOrigin(from: Int, rows: Int, horizon: Int)
  /// The loss is infinite or not a number.
  case notFinite

  /// A sentence with the count.
  public var description: String {
    switch self {
    case .tooFewTokens(let count):
      "there is nothing to predict in \(count) token\(count == 1 ? "" : "s")"
    case .tooFewRows(let count):
      "there is nothing to forecast in \(count) row\(count == 1 ? "" : "s")"
    case .noOrigin(let from, let rows, let horizon):
      "no forecast of \(horizon) row\(horizon == 1 ? "" : "s") begins at row \(from) of \(rows): it has to "
        + "follow a row and end at the last"
    case .notFinite:
      "the model's loss on it is not finite"
    }
  }
}
