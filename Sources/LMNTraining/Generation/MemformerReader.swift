import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// Reader of a text with a Memformer.
struct MemformerReader: TextReader {
  private let model: Memformer
  private var state: Memformer.State
  private(set) var position = 0

  // Names in state files.
  private static let (source, tokens) = ("source", "tokens")
  private static let (slots, encoded, decoded) = ("slots", "encoded.", "decoded.")

  /// A reader at the beginning of a text.
  init(_ model: Memformer) {
    self.model = model
    state = model.initialState
  }

  /// The reader that ``append(to:)`` saved; nil where the tensors do not form its state.
  init?(_ model: Memformer, in file: Safetensors, at position: Int) throws {
    func tokens(_ name: String) throws -> [Token]? {
      let values = try file.integers(name).values.map(Token.init(exactly:))
      return values.contains(nil) ? nil : values.compactMap(\.self)
    }
    guard let source = try tokens(Self.source), let open = try tokens(Self.tokens),
      open.count <= position, position > 0
    else { return nil }
    func tensors(_ names: [String]) throws -> [Tensor] {
      let tensors = try file.stateDictionary(of: names)
      try tensors.expectFinite()
      return tensors.tensors
    }
    func perBlock(_ name: String) throws -> [Tensor] {
      let blocks = open.isEmpty ? 0..<0 : model.decoder.blocks.indices
      return try tensors(blocks.map { "\(name)\($0)" })
    }
    let state = model.state(
      slots: try tensors([Self.slots])[0], source: source, tokens: open,
      encoded: try perBlock(Self.encoded), decoded: try perBlock(Self.decoded))
    guard let state else { return nil }
    (self.model, self.state, self.position) = (model, state, position)
  }

  var tokensAtOnce: Int { model.configuration.segment }

  mutating func read(_ tokens: [Token]) {
    if !tokens.isEmpty { _ = model.read(tokens, after: &state) }
    position += tokens.count
  }

  mutating func read(
    _ inputs: [Token], predicting targets: [Token], _ body: (Double) -> Void
  ) {
    if position == 0 { read(Array(inputs.prefix(1))) }
    // In parts of fixed size, so that the bits do not depend on the cuts of a text.
    for begin in stride(from: 0, to: targets.count, by: tokensAtOnce) {
      let part = Array(targets[begin..<min(begin + tokensAtOnce, targets.count)])
      let logits = model.read(part, after: &state).value
      let losses = logits.crossEntropy(targets: TokenBuffer(part)).losses
      for loss in losses.scalars { body(Double(loss)) }
      position += part.count
    }
  }

  mutating func predict() -> Tensor {
    let logits = model.predict(after: &state).value
    return logits.reshaped([logits.count])
  }

  mutating func append(_ token: Token) {
    model.append(token, to: &state)
    position += 1
  }

  func append(to file: inout Safetensors) {
    func append(_ name: String, _ value: Tensor) {
      file.append(name, shape: value.shape, floats: value.scalars)
    }
    append(Self.slots, state.slots.value)
    for (name, tokens) in [(Self.source, state.source), (Self.tokens, state.tokens)] {
      file.append(name, shape: [tokens.count], integers: tokens.map(Int.init))
    }
    guard let encoded = state.encoded else { return }
    for (block, value) in encoded.enumerated() { append("\(Self.encoded)\(block)", value.value) }
    for (block, value) in state.decoded.enumerated() {
      append("\(Self.decoded)\(block)", value!.value)
    }
  }
}
