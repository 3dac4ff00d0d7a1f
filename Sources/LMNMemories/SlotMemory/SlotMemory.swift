public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Slots between segments: the decoder-only form of Memformer (arXiv 2010.06891).
///
/// A stream is cut into segments of S tokens. A token attends to k slots and to the tokens of its
/// segment up to itself, in one softmax with a learned bias by distance. Once a segment is complete,
/// its tokens rewrite the slots (``SlotWriter``).
///
/// State: `slots` `[k, E]`, and of the m tokens of the open segment, m < S: `read` `[m, 2E]`, the keys
/// and values with which they are read, and `write` `[m, E]`, the tokens, which rewrite the slots.
public struct SlotMemory: Memory {
  /// Weight of the map to query, key and value of reading: `[3E, E]`.
  public var projectionWeight: Variable
  /// Its bias: `[3E]`.
  public var projectionBias: Variable
  /// Bias of a score by the distance of a token: `[H, S]`.
  public var positionBias: Variable
  /// Output projection of reading: E → E.
  public var output: Linear
  /// Writing.
  public var writer: SlotWriter
  /// E.
  public let width: Int
  /// Sizes and kinds.
  public let settings: Settings

  /// A memory with parameters from `source`.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Sizes and kinds.
  ///   - source: Source of the parameters.
  /// - Precondition: The settings are valid for the width.
  public init(width: Int, _ settings: Settings, using source: inout ParameterSource) {
    (self.width, self.settings) = (width, settings)
    let deviation = 1 / Float(width).squareRoot()
    projectionWeight = source.parameter([3 * width, width], .uniform(bound: deviation))
    projectionBias = source.parameter([3 * width], .uniform(bound: deviation))
    positionBias = source.parameter([settings.heads, settings.segment], .constant(0))
    output = Linear(inputs: width, outputs: width, using: &source)
    writer = SlotWriter(
      slots: settings.slots, width: width, heads: settings.heads,
      temperature: settings.temperature, forgets: settings.forgetting, using: &source)
  }

  /// Shape of reading.
  var reading: SegmentAttentionShape {
    SegmentAttentionShape(
      heads: settings.heads, segment: settings.segment, slots: settings.slots)
  }

  /// The state before the first token; gradients flow through the slots to the forgetting vectors.
  public var initialState: MemoryState {
    func none(_ width: Int) -> Variable {
      Variable(constant: Tensor(shape: [0, width], scalars: []))
    }
    return MemoryState([
      .init("slots", writer.initialSlots), .init("read", none(2 * width)),
      .init("write", none(width)),
    ])
  }

  /// Number of tokens of the open segment.
  private func openCount(at position: Int) -> Int { position % settings.segment }

  /// Shapes of a state: slots, and tokens of the open segment.
  public func stateShapes(at position: Int) -> [(name: String, shape: [Int])] {
    let open = openCount(at: position)
    return [
      ("slots", [settings.slots, width]), ("read", [open, 2 * width]), ("write", [open, width]),
    ]
  }

  /// Equal for starts at the same place of a segment.
  public func layout(start: Int, length: Int) -> [Int] { [openCount(at: start)] }

  /// Whole segments, about 512 tokens.
  public var chunkLength: Int { max(1, 512 / settings.segment) * settings.segment }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  ///
  /// Only the slots are computed segment by segment; all segments are read at once.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let (slots, tokens) = write(x, into: &state)
    let attended = project(x, 0..<width)
      .segmentAttention(
        slots: project(slots, width..<3 * width), tokens: tokens, bias: positionBias, reading)
    return output(attended)
  }

  /// The state after L tokens, without attention.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    _ = write(x, into: &state)
  }

  /// Some outputs of the map to query, key and value of reading.
  private func project(_ x: Variable, _ outputs: Range<Int>) -> Variable {
    x.linear(weight: projectionWeight.rows(outputs), bias: projectionBias.rows(outputs))
  }

  /// Rewrites the slots at the end of each segment; updates the state.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next tokens.
  ///   - state: The state before them, updated to that after them.
  /// - Returns: The slots `[G · k, E]` before each of the G segments that have a token of x, and
  ///   keys and values `[m + L, 2E]` for reading the segments' tokens.
  private func write(
    _ x: Variable, into state: inout MemoryState
  ) -> (slots: Variable, tokens: Variable) {
    let (S, k) = (settings.segment, settings.slots)
    func joined(_ name: String, _ new: Variable) -> Variable {
      state[name].value.shape[0] == 0 ? new : .concatenatingRows([state[name], new])
    }
    let read = joined("read", project(x, width..<3 * width))
    let write = joined("write", x)
    let rows = read.value.shape[0]
    let (complete, segments) = (rows / S, (rows + S - 1) / S)
    var slots = state["slots"]
    if complete > 0 {
      let tokens = rows == complete * S ? write : write.rows(0..<complete * S)
      slots = writer(slots, reading: writer.keysAndValues(of: tokens), segment: S)
    }
    let open = Array(complete * S..<rows)
    state["slots"] =
      complete == 0 ? slots : slots.rows(at: Array(complete * k..<(complete + 1) * k))
    state["read"] = read.rows(at: open)
    state["write"] = write.rows(at: open)
    return (complete < segments ? slots : slots.rows(0..<segments * k), read)
  }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams { SlotStreams(of: self, count: count) }

  /// Visits the parameters of reading, then those of writing, under their published names.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("qkv.weight", &projectionWeight, isMap: true)
    visit("qkv.bias", &projectionBias)
    visit("position_bias", &positionBias)
    visit("out_proj", &output)
    writer.visitParameters(visit)
  }
}
