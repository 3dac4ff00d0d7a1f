public import LMNAutodiff
public import LMNKernels

/// Input of one batch item, at a stable address so that recorded kernels can read it.
public protocol RecordedInput: Sendable {
  /// Key of the recordings that can compute this input: inputs of equal layout share them.
  var layout: [Int] { get }
  /// Inputs of the runs that compute a batch item, in order; this input alone if it is computed at
  /// once. They stay the same.
  var runs: [Self] { get }
  /// Whether its run computes gradients, where the batch does.
  var isDifferentiated: Bool { get }
  /// Weight of its run's value in that of the item; the weights of the runs of an item sum to the
  /// weight of the item in the batch, by default 1.
  var weight: Float { get }
  /// Bytes of memory that the input owns.
  var byteCount: Int { get }
  /// Bytes of memory that the runs of the item need beside it, shared by the items of a thread.
  var byteCountOfRuns: Int { get }
  /// A new input of the same layout with valid content, made while recording.
  func placeholder() -> Self
  /// Copies the values of another input of the same layout.
  func overwrite(with other: Self)
  /// Receives the further results of a run, and the gradients with respect to the further inputs;
  /// the next run overwrites them.
  func receive(_ outputs: [Tensor], gradients: [Tensor])
}

extension RecordedInput {
  /// The same layout for all inputs.
  public var layout: [Int] { [] }
  /// One run.
  public var runs: [Self] { [self] }
  /// Gradients are computed.
  public var isDifferentiated: Bool { true }
  /// The value is that of the item.
  public var weight: Float { 1 }
  /// Not counted.
  public var byteCount: Int { 0 }
  /// None.
  public var byteCountOfRuns: Int { 0 }
  /// Ignores the results.
  public func receive(_ outputs: [Tensor], gradients: [Tensor]) {}
}

/// Results of the recorded function for one item.
public struct RecordedResult {
  /// Value of shape `[1]`, averaged over the batch; nil where only further results are computed.
  public var value: Variable?
  /// Further results, given to ``RecordedInput/receive(_:gradients:)`` after each run, each with
  /// the buffer of its cotangent; nil for a zero cotangent.
  public var outputs: [(value: Variable, cotangent: Tensor?)]
  /// Further differentiated inputs beside the module's parameters; each run computes their
  /// gradients.
  public var inputs: [Variable]
  /// Observed values, averaged over the batch (``RecordedBatch/observations``).
  public var observed: [Tensor]

  /// A result with the given parts.
  public init(
    value: Variable?, outputs: [(value: Variable, cotangent: Tensor?)] = [],
    inputs: [Variable] = [], observed: [Tensor] = []
  ) {
    (self.value, self.outputs, self.inputs) = (value, outputs, inputs)
    self.observed = observed
  }
}
