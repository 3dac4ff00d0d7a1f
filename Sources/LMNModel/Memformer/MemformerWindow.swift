internal import LMNAutodiff
public import LMNKernels
public import LMNLayers
internal import LMNMemories

/// Tokens of a text, cut into segments: input of one batch item in the training of a Memformer.
///
/// The source of the first segment is the token that marks a beginning, or with carried state the
/// segment before the window.
public struct MemformerWindow: TrainingInput {
  /// Step of a model: a source that it reads, and inputs of the decoder.
  struct Step {
    /// The segment before; at the beginning the token that marks it.
    let source: TokenBuffer
    /// The token that marks a beginning, and the tokens of the segment but its last.
    let inputs: TokenBuffer
  }

  /// Steps of the window; of a recording, those of its segment of carried state.
  let steps: [Step]
  /// Tokens of all segments.
  let targets: TokenBuffer
  /// Unused: a Memformer has no dropout.
  public let draw = DropoutDraw()
  /// The part to compute; nil where each window starts at the beginning of a text.
  public private(set) var segment: Segment?
  /// S tokens before the window, then its tokens.
  private let text: TokenBuffer
  private let configuration: MemformerConfiguration

  /// Allocates a window of `length` tokens, all of them token 0.
  ///
  /// - Parameters:
  ///   - length: Tokens, those of all parts of a run where state is carried.
  ///   - configuration: Sizes of the model.
  ///   - carried: Carried state; nil where each window starts at the beginning of a text.
  init(
    length: Int, _ configuration: MemformerConfiguration, carrying carried: CarriedState? = nil
  ) {
    self.init(
      length: length, configuration, segment: carried.map { Segment(of: $0) }, begins: true)
  }

  private init(
    length: Int, _ configuration: MemformerConfiguration, segment: Segment?, begins: Bool
  ) {
    func zeros(_ count: Int) -> TokenBuffer { TokenBuffer(repeatElement(0, count: count)) }
    let most = configuration.segment
    self.configuration = configuration
    self.segment = segment
    text = zeros(most + length)
    targets = zeros(length)
    steps = stride(from: 0, to: length, by: most).map { first in
      Step(
        source: zeros(first == 0 && begins ? 1 : most), inputs: zeros(min(most, length - first)))
    }
  }

  /// Number of tokens, all of which are predicted.
  public var length: Int { targets.count }

  /// Bytes of tokens and states.
  public var byteCount: Int {
    (text.count + targets.count) * MemoryLayout<Token>.size + (segment?.byteCount ?? 0)
  }

  /// Replaces all tokens.
  ///
  /// - Parameters:
  ///   - tokens: As many tokens as the window has.
  ///   - before: The segment before them, S tokens; only used with carried state, unless a text
  ///     begins.
  /// - Precondition: Counts are right, and tokens are below the vocabulary's size.
  public func overwrite(tokens: ArraySlice<Token>, before: ArraySlice<Token> = []) {
    let most = configuration.segment
    precondition(
      tokens.count == length && [0, most].contains(before.count),
      "MemformerWindow: \(before.count) and \(tokens.count) tokens in a window of \(length)")
    text.overwrite { index in
      let place = index - most
      if place < 0 && before.isEmpty { return 0 }
      let token = place < 0 ? before[before.endIndex + place] : tokens[tokens.startIndex + place]
      expectToken(
        token, below: configuration.vocabularySize, operation: "MemformerWindow", "at \(place)")
      return token
    }
  }

  /// A window for each part of a run, on the tokens of this window.
  public var runs: [MemformerWindow] {
    segment?.all.map { segment in
      var window = self
      window.segment = segment
      return window
    } ?? [self]
  }

  /// Fraction of the tokens that are in the part.
  public var weight: Float { segment.map { Float($0.length) / Float(length) } ?? 1 }

  /// A window with the length and layout of the part, for a recording.
  public func placeholder() -> MemformerWindow {
    MemformerWindow(
      length: segment?.length ?? length, configuration, segment: segment?.placeholder(),
      begins: segment?.begins ?? true)
  }

  /// Copies the tokens and state of another window's part.
  public func overwrite(with other: MemformerWindow) {
    let (most, first) = (configuration.segment, other.segment?.firstToken ?? 0)
    let beginning = Token(configuration.vocabularySize)
    targets.overwrite(with: other.text, from: most + first)
    for index in 0..<steps.count {
      let (step, place) = (steps[index], first + index * most)
      if index == 0 && other.segment?.begins ?? true {
        step.source.overwrite(at: 0, with: beginning)
      } else {
        step.source.overwrite(with: other.text, from: place)
      }
      step.inputs.overwrite(with: other.text, from: most + place - 1)
      step.inputs.overwrite(at: 0, with: beginning)
    }
    if let segment, let others = other.segment { segment.overwrite(with: others) }
  }
}

/// Slots that are carried from segment to segment.
private struct CarriedSlots: StateStructure {
  static let name = "slots"
  let writer: SlotWriter

  var initialState: Trunk.State {
    Trunk.State(position: 0, blocks: [MemoryState([.init(Self.name, writer.initialSlots)])])
  }

  func stateShapes(at position: Int) -> [[(name: String, shape: [Int])]] {
    [[(Self.name, writer.forgetting.value.shape)]]
  }

  func layout(start: Int, length: Int) -> [Int] { [] }
}

extension Memformer {
  /// The slots before the source of the next segment.
  public var stateStructure: any StateStructure { CarriedSlots(writer: memory) }
}

extension RecordedBatch where M == Memformer, Input == MemformerWindow {
  /// Records a model's mean loss over a batch of windows.
  ///
  /// - Parameters:
  ///   - result: The results to compute.
  ///   - model: The model; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Tokens of a block; with carried state a multiple of a segment's.
  ///   - carry: Blocks of a window with carried state; nil for windows of one block, each from the
  ///     beginning of a text.
  ///   - recompute: Whether intermediate values of the model's blocks are computed again in the backward
  ///     pass instead of being kept.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt model: Memformer, windows count: Int,
    length: Int, carrying carry: Carry? = nil, recomputing recompute: Bool = false,
    in context: ExecutionContext = .current
  ) {
    let configuration = model.configuration
    precondition(
      carry == nil || length.isMultiple(of: configuration.segment),
      "RecordedBatch: blocks of \(length) tokens are no whole segments")
    let pool = SegmentStoragePool()
    self.init(
      result, at: model, overBatchOf: count, groups: carry == nil ? 8 : 16, in: context,
      inputs: { model in
        MemformerWindow(
          length: (carry?.horizon ?? 1) * length, configuration,
          carrying: carry.map {
            CarriedState(
              of: model.stateStructure, maximumLength: nil, carry: $0, length: length,
              storingIn: pool)
          })
      }
    ) { model, window -> RecordedResult in
      let before = window.segment?.state ?? model.stateStructure.initialState
      var state = before
      state.position += window.length
      if let segment = window.segment, segment.results == .state {
        model.advance(&state.blocks[0][CarriedSlots.name], over: window)
        return segment.result(nil, from: before, to: state)
      }
      let loss = model.loss(
        of: window, after: &state.blocks[0][CarriedSlots.name], recomputing: recompute)
      return window.segment?.result(loss, from: before, to: state) ?? RecordedResult(value: loss)
    }
  }
}
