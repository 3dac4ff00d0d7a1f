public import LMNAutodiff
public import LMNKernels
internal import LMNMemories

extension Memformer {
  /// State of a text: slots, the encoded source, and the segment so far.
  ///
  /// It does not grow with the text.
  public struct State: Sendable {
    /// Slots that the next source will read, `[k, E]`.
    public var slots: Variable
    /// Tokens of the open segment.
    public internal(set) var tokens: [Token] = []
    /// The segment before the open one; empty at the beginning.
    package internal(set) var source: [Token] = []
    /// Keys and values of the encoded source in every block of the decoder; nil until it is read.
    package internal(set) var encoded: [Variable]?
    /// Keys and values of the open segment in every block of the decoder.
    package internal(set) var decoded: [Variable?] = []
    /// Whether the logits of the next token have been computed.
    var isPredicted = false

    init(slots: Variable) { self.slots = slots }

    /// Ends the open segment before it is full; the next token begins another one.
    public mutating func endSegment() {
      guard !tokens.isEmpty else { return }
      (source, tokens, encoded, isPredicted) = (tokens, [], nil, false)
    }
  }

  /// Bytes of the state of a text of `position` tokens.
  public func stateByteCount(at position: Int) -> Int {
    let open = position % configuration.segment
    let source = min(position - open, configuration.segment)
    let rows = open == 0 ? 0 : decoder.blocks.count * (max(source, 1) + open)
    return memory.forgetting.value.count * MemoryLayout<Float>.size
      + rows * 2 * configuration.width * MemoryLayout<Float>.size
      + (source + open) * MemoryLayout<Token>.size
  }

  /// A state with the given parts; nil where their shapes do not fit.
  ///
  /// - Parameters:
  ///   - slots: `[k, E]`.
  ///   - source: Tokens of the segment before the open one.
  ///   - tokens: Tokens of the open segment, fewer than S.
  ///   - encoded: Keys and values `[n, 2E]` of the source in every block of the decoder; none where
  ///     there are no tokens.
  ///   - decoded: Keys and values `[m, 2E]` of the tokens in every block of the decoder.
  /// - Returns: The state.
  package func state(
    slots: Tensor, source: [Token], tokens: [Token], encoded: [Tensor], decoded: [Tensor]
  ) -> State? {
    let (length, known) = (configuration.segment, 0..<Token(configuration.vocabularySize))
    let blocks = tokens.isEmpty ? 0 : decoder.blocks.count
    let encodedShape = [max(source.count, 1), 2 * configuration.width]
    let decodedShape = [tokens.count, 2 * configuration.width]
    guard slots.shape == memory.forgetting.value.shape, source.count <= length,
      tokens.count < length, (source + tokens).allSatisfy(known.contains),
      encoded.map(\.shape) == Array(repeating: encodedShape, count: blocks),
      decoded.map(\.shape) == Array(repeating: decodedShape, count: blocks)
    else { return nil }
    var state = State(slots: Variable(constant: slots))
    (state.source, state.tokens) = (source, tokens)
    if !tokens.isEmpty {
      state.encoded = encoded.map { Variable(constant: $0) }
      state.decoded = decoded.map { Variable(constant: $0) }
    }
    return state
  }
}
