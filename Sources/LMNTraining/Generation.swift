import LMNKernels
public import LMNLayers
import LMNMemories
import LMNModel

/// A text that a model continues: a value, so a copy is a fork.
public struct Generation: Sendable {
  private let model: LanguageModel
  private var session: Session
  private var logits: Tensor?
  private var decoder: StreamingDecoder
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
    let (total, overflows) = (position + tokens.count).addingReportingOverflow(count)
    try model.network.configuration.expectPositions(for: overflows ? .max : total)
    logits = session.read(tokens) ?? logits
  }

  /// Writes one token: the text that it completes, which may be empty.
  ///
  /// - Precondition: Something was read, and there is ``room``.
  public mutating func write() -> String {
    guard let logits else { preconditionFailure("Generation: nothing was read yet") }
    let token = sampler.sample(logits, using: &generator)
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
    let names = model.network.trunk.blocks.indices.flatMap {
      ["blocks.\($0).nodes", "blocks.\($0).slots"]
    }
    let tensors = try file.stateDictionary(of: names + ["logits"]).tensors
    let configuration = model.network.configuration
    if let length = configuration.maximumLength, position > length {
      throw problem("its position is \(position), the model has learned \(length)")
    }
    let state = model.network.trunk.blocks.indices.compactMap { block in
      LogarithmicMemoryNetwork.State.Element(
        position: position, nodes: tensors[2 * block], slots: tensors[2 * block + 1],
        width: configuration.width, banks: configuration.banks)
    }
    guard state.count == model.network.trunk.blocks.count,
      tensors.last!.shape == [configuration.vocabularySize]
    else { throw problem("its tensors are not those of a state at position \(position)") }
    self.init(model, sampler: sampler, seed: 0)
    session = Session(model.network, state: state)
    logits = tensors.last!
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
    for (block, state) in session.state.enumerated() {
      file.append("blocks.\(block).nodes", shape: state.nodes.shape, floats: state.nodes.scalars)
      file.append("blocks.\(block).slots", shape: state.slots.shape, floats: state.slots.scalars)
    }
    file.append("logits", shape: logits.shape, floats: logits.scalars)
    try file.write(to: path)
  }
}
