import LMNModel

/// What a model was found to be worth when it reads in either way.
public struct EvaluationReport<Finding: Sendable & Codable & Equatable>: Sendable, Codable,
  Equatable
{
  /// As one stream.
  public let streaming: Finding
  /// In blocks.
  public let blocks: Finding
}

extension EvaluationReport where Finding == Evaluation {
  /// Reads a text once, to its end.
  ///
  /// - Parameters:
  ///   - model: What predicts it.
  ///   - text: Where its tokens come from.
  ///   - blockLength: Tokens of a block.
  /// - Throws: ``EvaluationError``, what is wrong with the text, or `ConfigurationError` when the
  ///   model has learned too few positions for it.
  public init(of model: LanguageModel, on text: inout TokenReader, blockLength: Int) throws {
    var streaming = Evaluator(model, .streaming)
    var blocks = Evaluator(model, .blocks(length: blockLength))
    var (count, isAtEnd) = (0, false)
    while !isAtEnd {
      let piece = try text.tokens(upTo: TokenReader.pieceLength)
      try streaming.read(piece)
      try blocks.read(piece)
      count += piece.count
      isAtEnd = piece.isEmpty
    }
    guard let streaming = streaming.finish(), let blocks = blocks.finish() else {
      throw EvaluationError.tooFewTokens(count)
    }
    self.init(streaming: streaming, blocks: blocks)
  }
}

extension EvaluationReport where Finding == ForecastEvaluation {
  /// Reads a series.
  ///
  /// - Parameters:
  ///   - model: What forecasts it.
  ///   - series: Of the model's channels, in their own units.
  ///   - blockLength: Rows of a block.
  /// - Throws: ``EvaluationError``, or `ConfigurationError` when the model has learned too few
  ///   positions for it.
  public init(of model: ForecasterModel, on series: Series, blockLength: Int) throws {
    guard series.count > 1 else { throw EvaluationError.tooFewRows(series.count) }
    let values = model.network.normalisation.normalised(series.values)
    self.init(
      streaming: try .streaming(model, over: values),
      blocks: try .byBlocks(model, over: values, length: blockLength))
  }
}

/// Why a text or a series says nothing about a model.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
  /// A text is too short.
  case tooFewTokens(Int)
  /// A series is too short.
  case tooFewRows(Int)

  /// The error as a sentence for the user.
  public var description: String {
    switch self {
    case .tooFewTokens(let count):
      "there is nothing to predict in \(count) token\(count == 1 ? "" : "s")"
    case .tooFewRows(let count):
      "there is nothing to forecast in \(count) row\(count == 1 ? "" : "s")"
    }
  }
}
