import LMNAutodiff
import LMNKernels
public import LMNLayers
import LMNMemories
import LMNModel

/// A text that a model continues: a value, so a copy is a fork.
public struct Generation: Sendable {
  private let model: LanguageModel
  private var session: Session<LanguageNetwork>
  private var logits: Tensor?
  private var decoder: StreamingDecoder
  private var workspace = Sampler.Workspace()
  /// How tokens are drawn.
  public var sampler: Sampler
  /// What decides between tokens.
  public var generator: SeededGenerator

  /// A text at its beginning.
  public init(_ model: LanguageModel, sampler: Sampler = Sampler(), seed: UInt64) {
    self.model = model
    session = Session(model.network)
    decoder = StreamingDecoder(model.tokenizer)
    self.sampler = sampler
    generator = SeededGenerator(seed: seed)
  }

  /// Tokens read and written so far.
  public var position: Int { session.position }

  /// How many more tokens can be read and written: learned positions end somewhere.
  public var room: Int {
    max(0, (model.network.configuration.maximumLength ?? .max) - position)
  }

  /// Reads a text, in parallel.
  ///
  /// - Parameters:
  ///   - text: Bytes.
  ///   - count: Tokens that will be written behind it.
  /// - Throws: ``TokenizerError``, or, when the model has learned too few positions for all of them,
  ///   `ConfigurationError`; nothing is read then.
  public mutating func read(_ text: [UInt8], toWrite count: Int = 0) throws {
    let tokens = try model.tokenizer.encode(text)
    try expectPositions(from: position, for: tokens, toWrite: count)
    logits = session.read(tokens) ?? logits
  }

  /// Reads a text to its end, in memory that does not grow with it.
  ///
  /// - Parameters:
  ///   - text: Where its tokens come from.
  ///   - count: Tokens that will be written behind it.
  /// - Throws: What is wrong with the text, or, when the model has learned too few positions for all
  ///   of them, `ConfigurationError`; nothing is read then.
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
    try model.network.configuration.expectPositions(for: overflows ? .max : total)
  }

  /// Writes one token: the text that it completes, which may be empty.
  ///
  /// - Precondition: Something was read, and there is ``room``.
  public mutating func write() -> String {
    guard let logits else { preconditionFailure("Generation: nothing was read yet") }
    let token = sampler.sample(logits, using: &generator, in: &workspace)
    // Let go, so that the session can write the next ones in their place.
    self.logits = nil
    self.logits = session.step(token)
    return decoder.decode(token)
  }

  /// The text of bytes that were held back because more might have followed.
  public mutating func finish() -> String { decoder.finish() }
}

extension Generation {
  /// Reads a state that ``save(to:)`` wrote.
  ///
  /// - Throws: ``CheckpointError`` if it is none, or of another model.
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
      throw problem("its position is \(position), the model has learned \(length)")
    }
    let logits = try file.stateDictionary(of: ["logits"]).tensors[0]
    guard let state = try file.state(of: model.network.trunk, at: position),
      logits.shape == [configuration.vocabularySize]
    else { throw problem("its tensors are not those of a state at position \(position)") }
    self.init(model, sampler: sampler, seed: 0)
    session = Session(model.network, state: state)
    self.logits = logits
    decoder = StreamingDecoder(model.tokenizer, heldBack: heldBack.compactMap(\.self))
    self.generator = generator
  }

  /// Writes what is needed to go on exactly here.
  ///
  /// - Precondition: Something was read.
  public func save(to path: String) throws(FileError) {
    guard let logits else { preconditionFailure("Generation: nothing was read yet") }
    var file = Safetensors(metadata: [
      "state_of": model.fingerprint, "position": "\(position)", "generator": generator.rawValue,
      "held_back": decoder.heldBack.map { String($0, radix: 16) }.joined(separator: " "),
    ])
    file.append(session.state)
    file.append("logits", shape: logits.shape, floats: logits.scalars)
    try file.write(to: path)
  }
}
