import LMNKernels
public import LMNLayers
public import LMNModel

/// Result of one training step.
public struct TrainingStep: Sendable {
  /// Mean loss of the batch, before the update; that of the task, without the balance loss.
  public let loss: Double
  /// Gradient norm (global L2 norm), before clipping.
  public let gradientNorm: Double
  /// First value that is not finite, `loss` or a parameter's name, if the update was skipped.
  public let skippedFor: String?
}

extension Optimizer {
  /// Takes a training step: loss and gradient of a batch, clipping, update.
  ///
  /// If loss or gradient is not finite, parameters and moments are unchanged.
  ///
  /// - Parameters:
  ///   - batch: A filled batch of the module that the optimizer was made for.
  ///   - number: Number of the step, from 0; dropout draws depend on it and the seed, so that a
  ///     resumed run has the same draws.
  ///   - seed: Random seed of the run.
  ///   - learningRate: The learning rate.
  ///   - clipping: Largest gradient norm; nil for no clipping.
  /// - Returns: Loss and gradient norm.
  public mutating func takeStep<M: Module, Input: TrainingInput>(
    on batch: RecordedBatch<M, Input>, number: Int, seed: UInt64, learningRate: Float,
    clipping: Float?
  ) -> TrainingStep {
    for (item, input) in batch.inputs.enumerated() {
      input.draw.overwrite(seed: seed, number: UInt64(number) << 32 | UInt64(item))
    }
    let total = batch.run()
    let loss = batch.taskLoss ?? total
    let norm = batch.gradientNorm
    guard total.isFinite, norm.isFinite else {
      let bad = batch.names.indices.first { index in
        let rows = batch.rowGradients[index]?.squaredNorm
        return !(rows ?? batch.gradients[index].squaredNorm).isFinite
      }
      let name = total.isFinite ? bad.map { batch.names[$0] } ?? "gradient norm" : "loss"
      return TrainingStep(loss: loss, gradientNorm: norm, skippedFor: name)
    }
    let longest = clipping.map(Double.init) ?? .infinity
    update(
      batch, learningRate: learningRate, gradientScale: norm > longest ? Float(longest / norm) : 1)
    return TrainingStep(loss: loss, gradientNorm: norm, skippedFor: nil)
  }
}
