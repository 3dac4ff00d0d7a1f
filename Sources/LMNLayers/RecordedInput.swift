public import LMNAutodiff
public import LMNKernels

/// Input of one batch item, at a stable address so that recorded kernels can read it.
public protocol RecordedInput: Sendable {
  /// Numbers that tell which recordings can compute this input: those made of an input of an equal
  /// layout.
  var layout: [Int] { get }
  /// An input of the same layout, whose content is valid, in memory of its own.
  func placeholder() -> Self
  /// Takes over the values of another input of the same layout.
  func overwrite(with other: Self)
  /// Takes the further results of a run, and the gradients with respect to the further inputs.
  func receive(_ outputs: [Tensor], gradients: [Tensor])
}

extension RecordedInput {
  /// One layout for all.
  public var layout: [Int] { [] }
  /// Ignores them.
  public func receive(_ outputs: [Tensor], gradients: [Tensor]) {}
}

/// Results of the function that a ``RecordedBatch`` computes of one item.
public struct RecordedResult {
  /// Of shape `[1]`; its mean over the batch is taken.
  public var value: Variable
  /// Further results, which every run gives to ``RecordedInput/receive(_:gradients:)``, and per
  /// result the memory of its cotangent; nil for zero.
  public var outputs: [(value: Variable, cotangent: Tensor?)]
  /// Parameters of the function beside the module's, of which every run gives the gradients, too.
  public var inputs: [Variable]

  /// Results of their parts.
  public init(
    value: Variable, outputs: [(value: Variable, cotangent: Tensor?)] = [],
    inputs: [Variable] = []
  ) {
    (self.value, self.outputs, self.inputs) = (value, outputs, inputs)
  }
}
