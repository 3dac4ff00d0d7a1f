public import LMNKernels
public import LMNLayers

/// AdamW optimizer (arXiv 1711.05101): a value that holds its moments.
public struct AdamW: Sendable, Equatable {
  /// Constants of AdamW.
  public let constants: AdamWConstants
  /// Number of updates made.
  public private(set) var step: Int
  /// First moment: running mean of the gradients.
  public private(set) var first: StateDictionary
  /// Second moment: running mean of the squared gradients.
  public private(set) var second: StateDictionary

  /// An optimizer at step 0, for parameters of the given names and shapes.
  public init(for parameters: StateDictionary, constants: AdamWConstants = .init()) {
    let zeros = parameters.tensors.map { Tensor(shape: $0.shape, repeating: 0) }
    self.constants = constants
    step = 0
    first = StateDictionary(names: parameters.names, tensors: zeros)
    second = first
  }

  /// An optimizer after `step` updates.
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

  /// Updates the parameters of a batch by the gradient of its last run.
  ///
  /// - Parameters:
  ///   - batch: A batch of the module that the optimizer was made for.
  ///   - learningRate: The learning rate.
  ///   - gradientScale: Factor on the gradient, from clipping.
  public mutating func update<M, Input>(
    _ batch: RecordedBatch<M, Input>, learningRate: Float, gradientScale: Float = 1
  ) {
    step += 1
    var still = constants
    still.weightDecay = 0
    for (index, value) in batch.parameters.enumerated() {
      let constants = batch.weightDecays[index] ? constants : still
      if let gradient = batch.rowGradients[index] {
        value.overwriteRowsByAdamW(
          gradient: gradient, first: &first.tensors[index], second: &second.tensors[index],
          step: step, learningRate: learningRate, gradientScale: gradientScale,
          constants: constants)
      } else {
        value.overwriteByAdamW(
          gradient: batch.gradients[index], first: &first.tensors[index],
          second: &second.tensors[index], step: step, learningRate: learningRate,
          gradientScale: gradientScale, constants: constants)
      }
    }
  }
}
