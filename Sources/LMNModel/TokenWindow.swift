public import LMNKernels
public import LMNLayers

/// Tokens and targets of a window: input of one batch item in the training of a language network.
public struct TokenWindow: TrainingInput {
  /// The tokens.
  public let inputs: TokenBuffer
  /// The target of each, usually the next token; negative for none.
  public let targets: TokenBuffer
  /// Dropout draw; training has to change it at each step.
  public let draw: DropoutDraw
  /// The segment to compute; nil where each window starts at the beginning of a stream.
  public private(set) var segment: Segment?
  private let vocabularySize: Int

  /// Allocates a window of `length` tokens, all of them token 0.
  ///
  /// - Parameters:
  ///   - length: Tokens, those of all segments of a run where state is carried.
  ///   - vocabularySize: V.
  ///   - carried: Carried state; nil where each window starts at the beginning of a stream.
  public init(length: Int, vocabularySize: Int, carrying carried: CarriedState? = nil) {
    inputs = TokenBuffer(repeatElement(0, count: length))
    targets = TokenBuffer(repeatElement(0, count: length))
    draw = DropoutDraw()
    segment = carried.map { Segment(of: $0) }
    self.vocabularySize = vocabularySize
  }

  /// Number of input tokens, and of targets.
  public var length: Int { inputs.count }

  /// Bytes of tokens, targets and states.
  public var byteCount: Int { 2 * length * MemoryLayout<Token>.size + (segment?.byteCount ?? 0) }

  /// Carried state; nil where each window starts at the beginning of a stream.
  public var carried: CarriedState? { segment?.stream }

  /// Replaces all tokens.
  ///
  /// - Parameters:
  ///   - inputs: Input tokens.
  ///   - targets: Target of each input, usually the next token; negative for none.
  /// - Precondition: Both have the window's length, and tokens are below the vocabulary's size.
  public func overwrite(inputs: ArraySlice<Token>, targets: ArraySlice<Token>) {
    precondition(
      inputs.count == length && targets.count == length,
      "TokenWindow: \(inputs.count) tokens and \(targets.count) targets in a window of \(length)")
    self.inputs.overwrite { index in
      let token = inputs[inputs.startIndex + index]
      expectToken(token, below: vocabularySize, operation: "TokenWindow", "at \(index)")
      return token
    }
    self.targets.overwrite { index in
      let target = targets[targets.startIndex + index]
      expectTarget(target, below: vocabularySize, operation: "TokenWindow", "at \(index)")
      return target
    }
  }

  /// A window for each segment of a run, on the tokens and the draw of this window.
  public var runs: [TokenWindow] {
    segment?.all.map { segment in
      var window = self
      window.segment = segment
      return window
    } ?? [self]
  }

  /// Fraction of the targets that are in the segment.
  public var weight: Float {
    guard let segment, segment.length < length else { return 1 }
    let tokens = segment.firstToken..<segment.firstToken + segment.length
    var (all, own) = (0, 0)
    for index in 0..<length where targets.elements[index] >= 0 {
      all += 1
      if tokens.contains(index) { own += 1 }
    }
    return all == 0 ? Float(segment.length) / Float(length) : Float(own) / Float(all)
  }

  /// A window with the length and layout of the segment, for a recording.
  public func placeholder() -> TokenWindow {
    var window = TokenWindow(length: segment?.length ?? length, vocabularySize: vocabularySize)
    window.segment = segment?.placeholder()
    return window
  }

  /// Copies the tokens, draw and state of another window's segment.
  public func overwrite(with other: TokenWindow) {
    let first = other.segment?.firstToken ?? 0
    inputs.overwrite(with: other.inputs, from: first)
    targets.overwrite(with: other.targets, from: first)
    draw.overwrite(with: other.draw, from: first)
    if let segment, let others = other.segment { segment.overwrite(with: others) }
  }
}

extension RecordedBatch where M == LanguageNetwork, Input == TokenWindow {
  /// Records a network's mean loss over a batch of windows.
  ///
  /// - Parameters:
  ///   - result: The results to compute; dropout is applied only where a gradient is computed.
  ///   - network: The network; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Tokens of a block.
  ///   - carry: Blocks of a window with carried state; nil for windows of one block, each from the
  ///     beginning of a stream.
  ///   - recompute: Whether intermediate values of the network's blocks are computed again in the
  ///     backward pass instead of being kept.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt network: LanguageNetwork,
    windows count: Int, length: Int, carrying carry: Carry? = nil,
    recomputing recompute: Bool = false, in context: ExecutionContext = .current
  ) {
    let configuration = network.configuration
    let (blocks, replays) = (carry?.horizon ?? 1, carry?.replay ?? false)
    let pool = SegmentStoragePool()
    self.init(
      result, at: network, overBatchOf: count, groups: carry == nil ? 8 : 16, in: context,
      inputs: { network in
        TokenWindow(
          length: blocks * length, vocabularySize: configuration.vocabularySize,
          carrying: carry.map {
            CarriedState(
              of: network.stateStructure, maximumLength: configuration.maximumLength, carry: $0,
              length: length, storingIn: pool)
          })
      },
      recomputing: recompute, blocks: replays ? 1 : blocks,
      embed: { network, window in network.embed(window.inputs) },
      loss: { network, window, state, pass in
        network.loss(of: window.inputs, targets: window.targets, after: &state, &pass)
      })
  }
}
