public import LMNAutodiff
public import LMNKernels

/// Input of one batch item, at a stable address so that recorded kernels can read it.
public protocol RecordedInput: Sendable {
  /// Key of the recordings that can compute this input: inputs of equal layout share them.
  var layout: [Int] { get }
  /// A new input of the same layout with valid content.
  func placeholder() -> Self
  /// Copies the values of another input of the same layout.
  func overwrite(with other: Self)
  /// Receives the further results of a run, and the gradients with respect to the further inputs.
  func receive(_ outputs: [Tensor], gradients: [Tensor])
}

extension RecordedInput {
  /// The same layout for all inputs.
  public var layout: [Int] { [] }
  /// Ignores the results.
  public func receive(_ outputs: [Tensor], gradients: [Tensor]) {}
}

/// Results of the recorded function for one item.
public struct RecordedResult {
  /// Value of shape `[1]`, averaged over the batch.
  public var value: Variable
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
    value: Variable, outputs: [(value: Variable, cotangent: Tensor?)] = [],
    inputs: [Variable] = [], observed: [Tensor] = []
  ) {
    (self.value, self.outputs, self.inputs) = (value, outputs, inputs)
    self.observed = observed
  }
}
