import LMNAutodiff
public import LMNKernels
public import LMNMemories
import LMNModel

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

  fileprivate init(losses: Double, tokens: Int, bytes: Int) {
    self.tokens = tokens
    self.bytes = bytes
    loss = losses / Double(tokens)
    perplexity = exp(loss)
    bitsPerByte = losses / log(2) / Double(bytes)
  }
}

/// A model that predicts a text as it comes, piece by piece, in memory that does not grow with it.
///
/// The pieces may have any sizes: how a text is cut changes no bit of the result.
public struct Evaluator: Sendable {
  /// How a text is predicted.
  public enum Mode: Sendable {
    /// As one stream, its state carried from the first token to the last.
    case streaming
    /// In blocks of so many tokens, each from its own beginning, as in training.
    case blocks(length: Int)
  }

  private let model: LanguageModel
  private let mode: Mode
  private var session: Session<LanguageNetwork>
  /// What has come since: the first token is known, those behind it are to be predicted.
  private var pending: [Token] = []
  private var losses = 0.0
  private var (tokens, bytes) = (0, 0)

  /// A model before a text.
  ///
  /// - Precondition: The length of blocks is positive.
  public init(_ model: LanguageModel, _ mode: Mode) {
    if case .blocks(let length) = mode {
      precondition(length > 0, "Evaluator: blocks of \(length) tokens")
    }
    self.model = model
    self.mode = mode
    session = Session(model.network)
  }

  /// Takes the next tokens of the text, and predicts as many as keep all threads at work; the others
  /// wait for more to come.
  ///
  /// - Throws: When the model has learned too few positions.
  public mutating func read(_ tokens: [Token]) throws(ConfigurationError) {
    pending += tokens
    let count = max(pending.count - 1, 0)
    let (longest, unit) =
      switch mode {
      case .streaming: (self.tokens + count, session.inputsAtOnce)
      case .blocks(let length): (min(length, count), length * ExecutionContext.current.threadCount)
      }
    try model.network.configuration.expectPositions(for: longest)
    predict(count - count % unit)
  }

  /// The result at the end of the text; nil if it had fewer than two tokens.
  public consuming func finish() -> Evaluation? {
    predict(max(pending.count - 1, 0))
    return tokens == 0 ? nil : Evaluation(losses: losses, tokens: tokens, bytes: bytes)
  }

  private mutating func predict(_ count: Int) {
    guard count > 0 else { return }
    let (inputs, targets) = (Array(pending[..<count]), Array(pending[1...count]))
    switch mode {
    case .streaming: predictStream(inputs, targets)
    case .blocks(let length): predictBlocks(of: length, inputs, targets)
    }
    tokens += count
    bytes += targets.reduce(0) { $0 + model.tokenizer.byteCount(of: $1) }
    pending.removeFirst(count)
  }

  private mutating func predictStream(_ inputs: [Token], _ targets: [Token]) {
    var (losses, position) = (losses, 0)
    session.read(TokenBuffer(inputs)) { logits in
      let next = TokenBuffer(targets[position..<position + logits.shape[0]])
      losses += logits.crossEntropy(targets: next).losses.scalars.reduce(0) { $0 + Double($1) }
      position += next.count
    }
    self.losses = losses
  }

  private mutating func predictBlocks(of length: Int, _ inputs: [Token], _ targets: [Token]) {
    let starts = Array(stride(from: 0, to: inputs.count, by: length))
    let network = model.network
    let losses = ExecutionContext.current.map(starts.count) { block in
      let range = starts[block]..<min(starts[block] + length, inputs.count)
      let loss = network.loss(of: Array(inputs[range]), targets: Array(targets[range]))
      return Double(loss.value.scalar) * Double(range.count)
    }
    self.losses = losses.reduce(self.losses, +)
  }
}
