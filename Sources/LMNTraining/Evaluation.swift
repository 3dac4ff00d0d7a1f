import LMNAutodiff
public import LMNKernels
public import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How well a model predicts a text: every token but the first.
public struct Evaluation: Sendable, Codable, Equatable {
  /// Tokens that were predicted.
  public let tokens: Int
  /// The bytes that these tokens stand for.
  public let bytes: Int
  /// Mean loss in nats per token.
  public let loss: Double
  /// exp(loss).
  public let perplexity: Double
  /// Bits per byte of text, which compares models of different vocabularies.
  public let bitsPerByte: Double

  enum CodingKeys: String, CodingKey {
    case tokens, bytes, loss, perplexity
    case bitsPerByte = "bits_per_byte"
  }

  private init(losses: Double, of tokens: ArraySlice<Token>, tokenizer: Tokenizer) {
    self.tokens = tokens.count
    bytes = tokens.reduce(0) { $0 + tokenizer.decode($1).count }
    loss = losses / Double(self.tokens)
    perplexity = exp(loss)
    bitsPerByte = losses / log(2) / Double(bytes)
  }

  /// One stream from the first token to the last, its state carried along.
  ///
  /// - Parameters:
  ///   - model: What predicts.
  ///   - tokens: At least two.
  /// - Returns: How well it does.
  /// - Throws: When the model has learned too few positions.
  public static func streaming(
    _ model: LanguageModel, over tokens: [Token]
  ) throws(ConfigurationError) -> Evaluation {
    precondition(tokens.count > 1, "an evaluation needs two tokens")
    try model.network.configuration.expectPositions(for: tokens.count - 1)
    var session = Session(model.network)
    var (losses, position) = (0.0, 1)
    session.readStretches(Array(tokens.dropLast())) { logits in
      let targets = TokenBuffer(tokens[position..<position + logits.shape[0]])
      losses += logits.crossEntropy(targets: targets).losses.scalars.reduce(0) { $0 + Double($1) }
      position += targets.count
    }
    return Evaluation(losses: losses, of: tokens.dropFirst(), tokenizer: model.tokenizer)
  }

  /// Blocks of `length` tokens, each predicted from its own beginning, as in training.
  ///
  /// - Parameters:
  ///   - model: What predicts.
  ///   - tokens: At least two.
  ///   - length: At least one.
  /// - Returns: How well it does.
  /// - Throws: When the model has learned too few positions for a block.
  public static func byBlocks(
    _ model: LanguageModel, over tokens: [Token], length: Int
  ) throws(ConfigurationError) -> Evaluation {
    precondition(tokens.count > 1 && length > 0, "an evaluation needs two tokens")
    try model.network.configuration.expectPositions(for: min(length, tokens.count - 1))
    let starts = Array(stride(from: 0, to: tokens.count - 1, by: length))
    let losses = ExecutionContext.current.map(starts.count) { block in
      let end = min(starts[block] + length, tokens.count - 1)
      let inputs = Array(tokens[starts[block]..<end])
      let targets = Array(tokens[starts[block] + 1...end])
      return Double(model.network.loss(of: inputs, targets: targets).value.scalar)
        * Double(targets.count)
    }
    return Evaluation(
      losses: losses.reduce(0, +), of: tokens.dropFirst(), tokenizer: model.tokenizer)
  }
}
