public import LMNKernels
public import LMNLayers
public import LMNModel

/// The AdamW optimizer (arXiv 1711.05101): a value that holds its moments.
public struct AdamW: Sendable, Equatable {
  /// The constants.
  public let constants: AdamWConstants
  /// Updates made so far.
  public private(set) var step: Int
  /// Running mean of every parameter's gradients.
  public private(set) var first: StateDictionary
  /// Running mean of their squares.
  public private(set) var second: StateDictionary

  /// An optimizer at its beginning, for parameters of the given names and shapes.
  public init(for parameters: StateDictionary, constants: AdamWConstants = .init()) {
    let zeros = parameters.tensors.map { Tensor(shape: $0.shape, repeating: 0) }
    self.constants = constants
    step = 0
    first = StateDictionary(names: parameters.names, tensors: zeros)
    second = first
  }

  /// An optimizer as it stood after `step` updates.
  ///
  /// - Precondition: Both moments have the parameters' names and shapes.
  public init(
    step: Int, first: StateDictionary, second: StateDictionary, constants: AdamWConstants
  ) {
    precondition(first.names == second.names, "AdamW: the moments have different names")
    self.constants = constants
    self.step = step
    self.first = first
    self.second = second
  }

  /// Moves the parameters of a batch one step against the gradient of its last run.
  ///
  /// - Parameters:
  ///   - batch: Made at the module that the optimizer was made for.
  ///   - learningRate: The length of the step.
  ///   - gradientScale: A factor on the gradient, as clipping asks for.
  public mutating func update(
    _ batch: some TrainingBatch, learningRate: Float, gradientScale: Float = 1
  ) {
    step += 1
    for (index, (value, gradient)) in zip(batch.parameters, batch.gradients).enumerated() {
      value.overwriteByAdamW(
        gradient: gradient, first: &first.tensors[index],
        second: &second.tensors[index], step: step, learningRate: learningRate,
        gradientScale: gradientScale, constants: constants)
    }
  }

  /// Moves a module's parameters one step against their gradient.
  ///
  /// - Parameters:
  ///   - module: What to update; its parameters are those the optimizer was made for.
  ///   - gradient: The loss's gradient, in the order of the parameters.
  ///   - learningRate: The length of the step.
  ///   - gradientScale: A factor on the gradient, as clipping asks for.
  public mutating func update(
    _ module: inout some Module, with gradient: StateDictionary, learningRate: Float,
    gradientScale: Float = 1
  ) {
    step += 1
    module.updateParameters { index, value in
      value.updateByAdamW(
        gradient: gradient.tensors[index], first: &first.tensors[index],
        second: &second.tensors[index], step: step, learningRate: learningRate,
        gradientScale: gradientScale, constants: constants)
    }
  }
}
