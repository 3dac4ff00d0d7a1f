public import LMNKernels
import LMNLayers
import LMNMemories

/// A model that continues texts.
public protocol TextModel: StoredModel {
  /// Tokenizer of the texts.
  var tokenizer: Tokenizer { get }
  /// Largest number of tokens of a text; nil for no limit.
  var maximumLength: Int? { get }
  /// JSON of the configuration.
  var configurationJSON: String { get }

  /// A reader at the beginning of a text.
  func reader() -> any TextReader

  /// The reader that ``TextReader/append(to:)`` saved.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - position: Number of tokens read.
  /// - Returns: The reader; nil where the tensors do not form its state.
  /// - Throws: Errors of missing tensors.
  func reader(in file: Safetensors, at position: Int) throws -> (any TextReader)?

  /// Sum of the losses in nats of predicting all tokens of a text but the first.
  func loss(of tokens: [Token]) -> Double
}

extension TextModel {
  /// Checksum that identifies the model in state files.
  var fingerprint: String {
    var fingerprint = Fingerprint()
    fingerprint.add(configurationJSON.utf8)
    fingerprint.add(tokenizer.specification.utf8)
    for tensor in network.stateDictionary.tensors {
      fingerprint.add(tensor.scalars.lazy.map(\.bitPattern))
    }
    return fingerprint.description
  }

  /// Throws unless a text may have `count` tokens.
  func expectPositions(for count: Int) throws(ConfigurationError) {
    if let maximumLength, count > maximumLength {
      throw .beyondLastPosition(tokens: count, maximumLength: maximumLength)
    }
  }
}

/// Reader of one text, which predicts its next token.
///
/// It is a value: a copy is a fork.
public protocol TextReader: Sendable {
  /// Number of tokens read and appended.
  var position: Int { get }
  /// Number of tokens in multiples of which a text is read at full speed.
  var tokensAtOnce: Int { get }

  /// Reads the next tokens in parallel form.
  mutating func read(_ tokens: [Token])

  /// Reads the next tokens, and predicts the token after each.
  ///
  /// - Parameters:
  ///   - inputs: The next tokens, except for those that were targets before.
  ///   - targets: The token after each.
  ///   - body: Receives the loss of each target in nats.
  mutating func read(
    _ inputs: [Token], predicting targets: [Token], _ body: (Double) -> Void)

  /// Logits `[V]` of the next token, which has to be appended then.
  ///
  /// - Precondition: A token was read.
  mutating func predict() -> Tensor

  /// Appends the predicted token, in sequential form.
  mutating func append(_ token: Token)

  /// Adds the state to a file.
  func append(to file: inout Safetensors)
}
