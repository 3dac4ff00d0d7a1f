public import LMNKernels
public import LMNLayers

/// A sequence and its class: input of one batch item in the training of a classifier.
///
/// Shorter sequences are padded at the end; padding has weight 0 and affects no token before it. A
/// recording computes as much padding as the lengths of recordings require.
public struct LabelledWindow: TrainingInput {
  let tokens: TokenBuffer
  /// Pooling weights, shape `[1, L]`.
  let weights: Tensor
  let label: TokenBuffer
  /// The only bag of n-grams; nil for a network without them.
  let nGrams: Bags?
  /// Dropout draw; training has to change it at each step.
  public let draw = DropoutDraw()
  /// Length of the sequence.
  private let count: PositionBuffer
  /// Weight of the loss.
  private let lossWeight: Buffer<Float> = [1]
  private let network: NetworkSizes

  /// Sizes of the network.
  private struct NetworkSizes {
    let pooling: Pooling
    let vocabularySize, classes: Int
    let nGrams: NGrams.Settings?
  }

  /// Allocates a window for a sequence of up to `length` tokens, and its class.
  public init(length: Int, of network: ClassifierNetwork) {
    self.init(
      length: length,
      of: NetworkSizes(
        pooling: network.pooling, vocabularySize: network.configuration.vocabularySize,
        classes: network.classes, nGrams: network.nGrams?.settings))
  }

  private init(length: Int, of network: NetworkSizes) {
    precondition(length > 0, "LabelledWindow: a sequence needs at least one token")
    tokens = TokenBuffer(repeatElement(0, count: length))
    weights = Tensor(shape: [1, length], repeating: 1)
    label = [0]
    nGrams = network.nGrams.map { Bags(count: 1, capacity: $0.count(ofLength: length)) }
    count = [Int64(length)]
    self.network = network
  }

  /// Always nil: sequences are read from their beginning.
  public var segment: Segment? { nil }

  /// Length of the window: most tokens of a sequence.
  public var length: Int { tokens.count }

  /// Length of the recordings that compute the sequence: a quarter of a power of two apart, so that
  /// there are few, and less than a quarter of a long one is padding.
  public var layout: [Int] {
    let count = Int(count.elements[0])
    let step = max(16, 1 << max(Int.bitWidth - (count - 1).leadingZeroBitCount - 3, 0))
    return [min((count + step - 1) / step * step, length)]
  }

  /// Weight of the loss, that of the class.
  public var weight: Float { lossWeight.elements[0] }

  /// Replaces sequence and class; a longer sequence is truncated to the window's length.
  ///
  /// - Parameters:
  ///   - sequence: At least one token.
  ///   - class: Index of the class.
  ///   - weight: Weight of the loss.
  /// - Precondition: Tokens are below the vocabulary's size, and the class is below `classes`.
  public func overwrite(tokens sequence: [Token], label class: Int, weight: Float = 1) {
    precondition(!sequence.isEmpty, "LabelledWindow: a sequence needs at least one token")
    let count = min(sequence.count, length)
    tokens.overwrite { index in
      guard index < count else { return 0 }
      expectToken(
        sequence[index], below: network.vocabularySize, operation: "LabelledWindow", "at \(index)")
      return sequence[index]
    }
    weights.overwrite { weights in
      for index in 0..<length { weights[index] = network.pooling.weight(of: index, count: count) }
    }
    expectToken(Token(`class`), below: network.classes, operation: "LabelledWindow", "for a class")
    label.overwrite { _ in Token(`class`) }
    self.count.overwrite(at: 0, with: Int64(count))
    lossWeight.overwrite(at: 0, with: weight)
    if let settings = network.nGrams {
      nGrams?.overwrite(withNGramsOf: sequence[..<count], settings)
    }
  }

  /// A window of the length of recordings for this sequence.
  public func placeholder() -> LabelledWindow { LabelledWindow(length: layout[0], of: network) }

  /// Copies the sequence of a window of the same layout, its class and its draw.
  public func overwrite(with other: LabelledWindow) {
    tokens.overwrite(with: other.tokens, from: 0)
    weights.overwrite { weights in
      other.weights.withScalars { weights.update(from: $0, count: length) }
    }
    label.overwrite(with: other.label)
    draw.overwrite(with: other.draw)
    if let bags = other.nGrams { nGrams?.overwrite(with: bags) }
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
