import LMNAutodiff
import LMNKernels
public import LMNLayers
import LMNMemories
import LMNModel

/// Generation of a text with a model.
///
/// It is a value: a copy is a fork.
public struct Generation: Sendable {
  private let model: any TextModel
  private var reader: any TextReader
  private var decoder: StreamingDecoder
  private var workspace = Sampler.Workspace()
  /// Sampling of tokens.
  public var sampler: Sampler
  /// Random numbers for sampling.
  public var generator: SeededGenerator

  /// A generation at the beginning of a text.
  public init(_ model: some TextModel, sampler: Sampler = Sampler(), seed: UInt64) {
    self.model = model
    reader = model.reader()
    decoder = StreamingDecoder(model.tokenizer)
    self.sampler = sampler
    generator = SeededGenerator(seed: seed)
  }

  /// Number of tokens read and written.
  public var position: Int { reader.position }

  /// Number of further tokens that can be read and written; limited by learned positions, and by
  /// the last position of a state file.
  public var room: Int { max(0, min(model.maximumLength ?? .max, mostTokens) - position) }

  /// Reads a text in parallel form.
  ///
  /// - Parameters:
  ///   - text: Bytes of the text.
  ///   - skippingUnknown: Whether characters outside the vocabulary are left out.
  ///   - count: Tokens that will be written after it.
  /// - Returns: Number of characters outside the vocabulary.
  /// - Throws: ``TokenizerError``, or `ConfigurationError` when there are too few learned positions
  ///   for all tokens; nothing is read then.
  @discardableResult
  public mutating func read(
    _ text: [UInt8], skippingUnknown: Bool = false, toWrite count: Int = 0
  ) throws -> Int {
    var encoder = StreamingEncoder(model.tokenizer, skippingUnknown: skippingUnknown)
    let tokens = try encoder.encode(text)
    try encoder.finish()
    try expectPositions(from: position, for: tokens, toWrite: count)
    reader.read(tokens)
    return encoder.unknownCount
  }

  /// Reads a text to its end, in memory that does not grow with it.
  ///
  /// - Parameters:
  ///   - text: Reader of the text's tokens.
  ///   - count: Tokens that will be written after it.
  /// - Throws: `FileError` or ``TokenizerError`` of the text, or `ConfigurationError` when there
  ///   are too few learned positions for all tokens; nothing is read then.
  public mutating func read(_ text: inout TokenReader, toWrite count: Int = 0) throws {
    var reader = reader
    var isAtEnd = false
    while !isAtEnd {
      let length = TokenReader.pieceLength
      let tokens = try text.tokens(upTo: length - reader.position % length)
      try expectPositions(from: reader.position, for: tokens, toWrite: count)
      reader.read(tokens)
      isAtEnd = tokens.isEmpty
    }
    self.reader = reader
  }

  private func expectPositions(
    from position: Int, for tokens: [Token], toWrite count: Int
  ) throws(ConfigurationError) {
    let (total, overflows) = (position + tokens.count).addingReportingOverflow(count)
    try model.expectPositions(for: overflows ? .max : total)
  }

  /// Writes one token; returns the text that it completes, which may be empty.
  ///
  /// - Precondition: Something was read, and ``room`` is positive.
  public mutating func write() -> String {
    precondition(position > 0, "Generation: nothing was read")
    let token = sampler.sample(reader.predict(), using: &generator, in: &workspace)
    reader.append(token)
    return decoder.decode(token)
  }

  /// The text of incomplete bytes held back at the end.
  public mutating func finish() -> String { decoder.finish() }
}

extension Generation {
  /// Restores a state written by ``save(to:)``.
  ///
  /// - Throws: ``CheckpointError`` if the file holds no state, or that of another model.
  public init(restoring path: String, of model: some TextModel, sampler: Sampler) throws {
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
    if let length = model.maximumLength, position > length {
      throw problem("its position is \(position), the model has \(length) learned positions")
    }
    let reader = try naming(file: path) { try model.reader(in: file, at: position) }
    // A session that has read nothing has no state file.
    guard let reader, position > 0 else {
      throw problem("its tensors do not form a state at position \(position)")
    }
    self.init(model, sampler: sampler, seed: 0)
    self.reader = reader
    decoder = StreamingDecoder(model.tokenizer, heldBack: heldBack.compactMap(\.self))
    self.generator = generator
  }

  /// Whether a file holds the state of a session, of any model.
  public static func isState(_ path: String) -> Bool {
    (try? Safetensors(contentsOf: path))?.metadata["state_of"] != nil
  }

  /// Saves the state for an exact continuation.
  ///
  /// - Precondition: Something was read.
  public func save(to path: String) throws(FileError) {
    precondition(position > 0, "Generation: nothing was read")
    var file = Safetensors(metadata: [
      "state_of": model.fingerprint, "position": "\(position)", "generator": generator.rawValue,
      "held_back": decoder.heldBack.map { String($0, radix: 16) }.joined(separator: " "),
    ])
    reader.append(to: &file)
    try file.write(to: path)
  }
}
