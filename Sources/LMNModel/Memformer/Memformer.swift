public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Memformer (arXiv 2010.06891, second version): an encoder-decoder that continues a text segment by
/// segment, with a memory of k slots.
///
/// To predict segment t, the encoder reads segment t − 1 (for t = 0 a token that marks the
/// beginning) and the slots; its output rewrites the slots and is read by the decoder, which predicts
/// the tokens of segment t one after the other.
public struct Memformer: StreamModule {
  /// Sizes and kinds.
  public let configuration: MemformerConfiguration
  /// Table of both stacks, `[V + 1, E]`; its last row marks a beginning.
  public var embedding: Embedding
  /// Encoder, bidirectional within a segment.
  public var encoder: MemformerStack
  /// The slots.
  public var memory: SlotWriter
  /// Decoder, causal within a segment.
  public var decoder: MemformerStack
  /// Map from vectors to logits: E → V.
  public var head: Linear

  /// A model with parameters from `source`.
  public init(
    _ configuration: MemformerConfiguration, using source: inout ParameterSource
  ) throws(ConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    let width = configuration.width
    embedding = Embedding(
      vocabularySize: configuration.vocabularySize + 1, width: width, using: &source)
    encoder = MemformerStack(
      .encoder, layers: configuration.encoderLayers, configuration, using: &source)
    memory = SlotWriter(
      slots: configuration.slots, width: width, heads: configuration.heads,
      temperature: configuration.temperature, forgets: configuration.forgetting, using: &source)
    decoder = MemformerStack(
      .decoder, layers: configuration.decoderLayers, configuration, using: &source)
    head = Linear(inputs: width, outputs: configuration.vocabularySize, using: &source)
  }

  /// The state before the first token; gradients flow to the forgetting vectors.
  public var initialState: State { State(slots: memory.initialSlots) }

  /// Number of the token that marks a beginning.
  public var beginning: Token { Token(configuration.vocabularySize) }

  /// Logits `[L, V]` of the next L tokens of a text, each from the tokens before it.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  /// - Returns: The logits.
  public func read(_ tokens: [Token], after state: inout State) -> Variable {
    var (logits, rest) = ([Variable](), tokens[...])
    while !rest.isEmpty {
      let part = rest.prefix(configuration.segment - state.tokens.count)
      rest = rest.dropFirst(part.count)
      precondition(!state.isPredicted, "Memformer: a token was predicted, and has to be appended")
      let before = [state.tokens.last ?? beginning] + part.dropLast()
      logits.append(decode(before, after: &state))
      state.tokens += part
      if state.tokens.count == configuration.segment { state.endSegment() }
    }
    return logits.count == 1 ? logits[0] : .concatenatingRows(logits)
  }

  /// Logits `[1, V]` of the next token.
  ///
  /// - Parameter state: The state; ``append(_:to:)`` has to give it the token.
  /// - Returns: The logits.
  public func predict(after state: inout State) -> Variable {
    precondition(!state.isPredicted, "Memformer: the next token has been predicted already")
    let logits = decode([state.tokens.last ?? beginning], after: &state)
    state.isPredicted = true
    return logits
  }

  /// Appends the token whose logits were computed last.
  public func append(_ token: Token, to state: inout State) {
    precondition(state.isPredicted, "Memformer: no token was predicted")
    state.tokens.append(token)
    state.isPredicted = false
    if state.tokens.count == configuration.segment { state.endSegment() }
  }

  /// Logits that follow each of the tokens, in the open segment.
  private func decode(_ tokens: [Token], after state: inout State) -> Variable {
    let encoded = state.encoded ?? beginSegment(of: &state)
    return head(
      decoder(embedding(TokenBuffer(tokens)), after: &state.decoded, readingFrom: encoded))
  }

  /// Encodes the source, and rewrites the slots by it.
  private func beginSegment(of state: inout State) -> [Variable] {
    let source = state.source.isEmpty ? [beginning] : state.source
    let encoded = decoder.keysAndValues(of: encode(TokenBuffer(source), rewriting: &state.slots))
    state.encoded = encoded
    state.decoded = Array(repeating: nil, count: decoder.blocks.count)
    return encoded
  }

  /// The encoder's output for a source, by which the slots are rewritten.
  ///
  /// - Parameters:
  ///   - source: A segment; at the beginning of a text the token that marks it.
  ///   - slots: Slots `[k, E]`, updated. Gradients flow through them.
  ///   - recompute: Whether intermediate values of the blocks are computed again in the backward pass.
  /// - Returns: The output `[L, E]`.
  public func encode(
    _ source: TokenBuffer, rewriting slots: inout Variable, recomputing recompute: Bool = false
  ) -> Variable {
    let output = encoder(
      embedding(source), readingFrom: encoder.keysAndValues(of: slots), recomputing: recompute)
    let k = configuration.slots
    slots = memory(slots, reading: memory.keysAndValues(of: output), segment: source.count)
      .rows(k..<2 * k)
    return output
  }

  /// The decoder's output for the tokens of a segment, of which ``head`` makes logits.
  ///
  /// - Parameters:
  ///   - inputs: The token that marks a beginning, then the tokens of the segment but its last.
  ///   - source: The encoder's output for the segment before.
  ///   - recompute: Whether intermediate values of the blocks are computed again in the backward pass.
  /// - Returns: The output `[L, E]`.
  public func decode(
    _ inputs: TokenBuffer, readingFrom source: Variable, recomputing recompute: Bool = false
  ) -> Variable {
    decoder(
      embedding(inputs), readingFrom: decoder.keysAndValues(of: source), recomputing: recompute)
  }

  /// Mean cross-entropy in nats, shape `[1]`, of predicting every token of a text.
  ///
  /// - Parameter segments: At least one; each of 1 to S tokens below the vocabulary's size.
  /// - Returns: The loss.
  public func loss(of segments: [[Token]]) -> Variable {
    var state = initialState
    let logits = segments.map { segment in
      defer { state.endSegment() }
      return read(segment, after: &state)
    }
    let targets = TokenBuffer(segments.joined())
    return Variable.concatenatingRows(logits).crossEntropy(targets: targets).mean()
  }

  /// Mean cross-entropy in nats, shape `[1]`, of predicting the tokens of a window.
  ///
  /// - Parameters:
  ///   - window: The window.
  ///   - slots: Slots before it, updated to those after it. Gradients flow through them.
  ///   - recompute: Whether intermediate values of the blocks are computed again in the backward pass.
  /// - Returns: The loss.
  func loss(
    of window: MemformerWindow, after slots: inout Variable, recomputing recompute: Bool = false
  ) -> Variable {
    let outputs = window.steps.map { step in
      decode(
        step.inputs, readingFrom: encode(step.source, rewriting: &slots, recomputing: recompute),
        recomputing: recompute)
    }
    return head(.concatenatingRows(outputs)).crossEntropy(targets: window.targets).mean()
  }

  /// Rewrites the slots by the sources of a window, without predictions.
  func advance(_ slots: inout Variable, over window: MemformerWindow) {
    for step in window.steps { _ = encode(step.source, rewriting: &slots) }
  }

  /// Visits embedding, encoder, memory, decoder and head.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("token_embedding_table", &embedding)
    visit("encoder", &encoder, hidden: true)
    visit("memory", &memory, hidden: true)
    visit("decoder", &decoder, hidden: true)
    visit("lm_head", &head)
  }
}
