import LMNAutodiff
public import LMNKernels
public import LMNMemories
import LMNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Evaluation of a model on a text: predictions of all tokens but the first.
public struct Evaluation: Sendable, Codable, Equatable {
  /// Number of predicted tokens.
  public let tokens: Int
  /// Number of bytes of these tokens.
  public let bytes: Int
  /// Mean loss in nats per token.
  public let loss: Double
  /// exp(loss).
  public let perplexity: Double
  /// Bits per byte of text; comparable between vocabularies.
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

/// Evaluation of a model on a text that arrives in pieces, in memory that does not grow with it.
///
/// The sizes of the pieces do not affect the result, bit for bit.
public struct Evaluator: Sendable {
  /// Division of the text into streams.
  public enum Mode: Sendable {
    /// As one stream, with its state carried from the first token to the last.
    case streaming
    /// In blocks of `length` tokens, each from the initial state, as in training.
    case blocks(length: Int)
  }

  private let model: any TextModel
  private let mode: Mode
  private var reader: any TextReader
  /// The last token read as input, and the tokens after it, not yet predicted.
  private var pending: [Token] = []
  private var losses = 0.0
  private var (tokens, bytes) = (0, 0)

  /// An evaluator at the beginning of a text.
  ///
  /// - Precondition: The block length is positive.
  public init(_ model: some TextModel, _ mode: Mode) {
    if case .blocks(let length) = mode {
      precondition(length > 0, "Evaluator: blocks of \(length) tokens")
    }
    self.model = model
    self.mode = mode
    reader = model.reader()
  }

  /// Reads the next tokens of the text, and predicts those that fill whole chunks for all threads;
  /// the rest stays pending.
  ///
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public mutating func read(_ tokens: [Token]) throws(ConfigurationError) {
    pending += tokens
    let count = max(pending.count - 1, 0)
    let (longest, unit) =
      switch mode {
      case .streaming: (self.tokens + count, reader.tokensAtOnce)
      case .blocks(let length): (min(length, count), length * ExecutionContext.current.threadCount)
      }
    try model.expectPositions(for: longest)
    predict(count - count % unit)
  }

  /// The result at the end of the text; nil for a text with fewer than two tokens.
  public consuming func finish() -> Evaluation? {
    predict(max(pending.count - 1, 0))
    return tokens == 0 ? nil : Evaluation(losses: losses, tokens: tokens, bytes: bytes)
  }

  private mutating func predict(_ count: Int) {
    guard count > 0 else { return }
    let targets = Array(pending[1...count])
    switch mode {
    case .streaming:
      var losses = losses
      reader.read(Array(pending[..<count]), predicting: targets) { losses += $0 }
      self.losses = losses
    case .blocks(let length):
      predictBlocks(of: length, Array(pending[...count]))
    }
    tokens += count
    bytes += targets.reduce(0) { $0 + model.tokenizer.byteCount(of: $1) }
    pending.removeFirst(count)
  }

  /// Predicts all tokens but the first.
  private mutating func predictBlocks(of length: Int, _ tokens: [Token]) {
    let starts = Array(stride(from: 0, to: tokens.count - 1, by: length))
    let model = model
    let losses = ExecutionContext.current.map(starts.count) { block in
      model.loss(of: Array(tokens[starts[block]...min(starts[block] + length, tokens.count - 1)]))
    }
    self.losses = losses.reduce(self.losses, +)
  }
}
