public import LMNKernels
public import LMNLayers

/// A sequence and its class: input of one batch item in the training of a classifier.
///
/// Shorter sequences are padded at the end; padding has weight 0 and affects no token before it.
public struct LabelledWindow: TrainingInput {
  let tokens: TokenBuffer
  /// Pooling weights, shape `[1, L]`.
  let weights: Tensor
  let label: TokenBuffer
  /// Dropout draw; training has to change it at each step.
  public let draw = DropoutDraw()
  private let pooling: Pooling
  private let (vocabularySize, classes): (Int, Int)

  /// Allocates a window for a sequence of up to `length` tokens, and its class.
  public init(length: Int, of network: ClassifierNetwork) {
    self.init(
      length: length, pooling: network.pooling,
      vocabularySize: network.configuration.vocabularySize, classes: network.classes)
  }

  private init(length: Int, pooling: Pooling, vocabularySize: Int, classes: Int) {
    precondition(length > 0, "LabelledWindow: a sequence needs at least one token")
    tokens = TokenBuffer(repeatElement(0, count: length))
    weights = Tensor(shape: [1, length], repeating: 1)
    label = [0]
    self.pooling = pooling
    (self.vocabularySize, self.classes) = (vocabularySize, classes)
  }

  /// Always nil: sequences are read from their beginning.
  public var segment: Segment? { nil }

  /// Length of the window: most tokens of a sequence.
  public var length: Int { tokens.count }

  /// Replaces sequence and class; a longer sequence is truncated to the window's length.
  ///
  /// - Parameters:
  ///   - sequence: At least one token.
  ///   - class: Index of the class.
  /// - Precondition: Tokens are below the vocabulary's size, and the class is below `classes`.
  public func overwrite(tokens sequence: [Token], label class: Int) {
    precondition(!sequence.isEmpty, "LabelledWindow: a sequence needs at least one token")
    let count = min(sequence.count, length)
    tokens.overwrite { index in
      guard index < count else { return 0 }
      expectToken(
        sequence[index], below: vocabularySize, operation: "LabelledWindow", "at \(index)")
      return sequence[index]
    }
    weights.overwrite { weights in
      for index in 0..<length { weights[index] = pooling.weight(of: index, count: count) }
    }
    expectToken(Token(`class`), below: classes, operation: "LabelledWindow", "for a class")
    label.overwrite { _ in Token(`class`) }
  }

  /// A window of the same length.
  public func placeholder() -> LabelledWindow {
    LabelledWindow(
      length: length, pooling: pooling, vocabularySize: vocabularySize, classes: classes)
  }

  /// Copies another window's sequence, class and draw.
  public func overwrite(with other: LabelledWindow) {
    tokens.overwrite(with: other.tokens)
    weights.overwrite(withScalarsOf: other.weights)
    label.overwrite(with: other.label)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == ClassifierNetwork, Input == LabelledWindow {
  /// Records a classifier's mean loss over a batch of sequences.
  ///
  /// - Parameters:
  ///   - result: The results to compute; dropout is applied only where a gradient is computed.
  ///   - network: The network; its parameters are copied.
  ///   - count: Sequences of the batch, at least 1.
  ///   - length: Window length.
  ///   - recompute: Whether intermediate values of the network's blocks are computed again in the
  ///     backward pass instead of being kept.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt network: ClassifierNetwork,
    sequences count: Int, length: Int, recomputing recompute: Bool = false,
    in context: ExecutionContext = .current
  ) {
    self.init(
      result, at: network, overBatchOf: count, in: context,
      inputs: { _ in LabelledWindow(length: length, of: network) },
      recomputing: recompute,
      loss: { $0.loss(of: $1, after: &$2, &$3) })
  }
}
