import LMNAutodiff
import LMNKernels
public import LMNLayers
import LMNMemories
import LMNModel

/// Generation of a text with a model.
///
/// It is a value: a copy is a fork.
public struct Generation: Sendable {
  private let model: LanguageModel
  private var session: Session<LanguageNetwork>
  private var logits: Tensor?
  private var decoder: StreamingDecoder
  private var workspace = Sampler.Workspace()
  /// Sampling of tokens.
  public var sampler: Sampler
  /// Random numbers for sampling.
  public var generator: SeededGenerator

  /// A generation at the beginning of a text.
  public init(_ model: LanguageModel, sampler: Sampler = Sampler(), seed: UInt64) {
    self.model = model
    session = Session(model.network)
    decoder = StreamingDecoder(model.tokenizer)
    self.sampler = sampler
    generator = SeededGenerator(seed: seed)
  }

  /// Number of tokens read and written.
  public var position: Int { session.position }

  /// Number of further tokens that can be read and written; limited by learned positions, and by
  /// the last position of a state file.
  public var room: Int {
    max(0, min(model.network.configuration.maximumLength ?? .max, mostTokens) - position)
  }

  /// Reads a text in parallel form.
  ///
  /// - Parameters:
  ///   - text: Bytes of the text.
  ///   - count: Tokens that will be written after it.
  /// - Throws: ``TokenizerError``, or `ConfigurationError` when there are too few learned positions
  ///   for all tokens; nothing is read then.
  public mutating func read(_ text: [UInt8], toWrite count: Int = 0) throws {
    let tokens = try model.tokenizer.encode(text)
    try expectPositions(from: position, for: tokens, toWrite: count)
    logits = session.read(tokens) ?? logits
  }

  /// Reads a text to its end, in memory that does not grow with it.
  ///
  /// - Parameters:
  ///   - text: Reader of the text's tokens.
  ///   - count: Tokens that will be written after it.
  /// - Throws: `FileError` or ``TokenizerError`` of the text, or `ConfigurationError` when there
  ///   are too few learned positions for all tokens; nothing is read then.
  public mutating func read(_ text: inout TokenReader, toWrite count: Int = 0) throws {
    var (session, logits) = (session, logits)
    var isAtEnd = false
    while !isAtEnd {
      let length = TokenReader.pieceLength
      let tokens = try text.tokens(upTo: length - session.position % length)
      try expectPositions(from: session.position, for: tokens, toWrite: count)
      logits = session.read(tokens) ?? logits
      isAtEnd = tokens.isEmpty
    }
    (self.session, self.logits) = (session, logits)
  }

  private func expectPositions(
    from position: Int, for tokens: [Token], toWrite count: Int
  ) throws(ConfigurationError) {
    let (total, overflows) = (position + tokens.count).addingReportingOverflow(count)
    try model.network.configuration.trunk.expectPositions(for: overflows ? .max : total)
  }

  /// Writes one token; returns the text that it completes, which may be empty.
  ///
  /// - Precondition: Something was read, and ``room`` is positive.
  public mutating func write() -> String {
    guard let logits else { preconditionFailure("Generation: nothing was read") }
    let token = sampler.sample(logits, using: &generator, in: &workspace)
    // Released, so that the session can overwrite them with the next ones.
    self.logits = nil
    self.logits = session.step(token)
    return decoder.decode(token)
  }

  /// The text of incomplete bytes held back at the end.
  public mutating func finish() -> String { decoder.finish() }
}

extension Generation {
  /// Restores a state written by ``save(to:)``.
  ///
  /// - Throws: ``CheckpointError`` if the file holds no state, or that of another model.
  public init(restoring path: String, of model: LanguageModel, sampler: Sampler) throws {
    let file = try Safetensors(contentsOf: path)
    func problem(_ sentence: String) -> CheckpointError {
      .unusable(file: path, problem: sentence)
    }
    guard file.metadata["state_of"] != nil else { throw problem("it holds no state of a session") }
    guard file.metadata["state_of"] == model.fingerprint else {
      throw problem("it is the state of another model")
    }
    guard let position = file.metadata["position"].flatMap(Int.init),
      let generator = file.metadata["generator"].flatMap(SeededGenerator.init(rawValue:)),
      let heldBack = file.metadata["held_back"]?.split(separator: " ").map({ UInt8($0, radix: 16) }
      ),
      !heldBack.contains(nil)
    else { throw problem("its position, random state or text cannot be read") }
    let configuration = model.network.configuration
    if let length = configuration.maximumLength, position > length {
      throw problem("its position is \(position), the model has \(length) learned positions")
    }
    let logits = try file.stateDictionary(of: ["logits"]).tensors[0]
    guard let state = try file.state(of: model.network.trunk, at: position),
      logits.shape == [configuration.vocabularySize]
    else { throw problem("its tensors do not form a state at position \(position)") }
    self.init(model, sampler: sampler, seed: 0)
    session = Session(model.network, state: state)
    self.logits = logits
    decoder = StreamingDecoder(model.tokenizer, heldBack: heldBack.compactMap(\.self))
    self.generator = generator
  }

  /// Saves the state for an exact continuation.
  ///
  /// - Precondition: Something was read.
  public func save(to path: String) throws(FileError) {
    guard let logits else { preconditionFailure("Generation: nothing was read") }
    var file = Safetensors(metadata: [
      "state_of": model.fingerprint, "position": "\(position)", "generator": generator.rawValue,
      "held_back": decoder.heldBack.map { String($0, radix: 16) }.joined(separator: " "),
    ])
    file.append(session.state)
    file.append("logits", shape: logits.shape, floats: logits.scalars)
    try file.write(to: path)
  }
}
