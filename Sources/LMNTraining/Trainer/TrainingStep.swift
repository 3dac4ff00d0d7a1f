import LMNKernels
public import LMNLayers
public import LMNModel

/// Result of one training step.
public struct TrainingStep: Sendable {
  /// Mean loss of the batch, before the update.
  public let loss: Double
  /// Euclidean norm of its gradient, before clipping.
  public let gradientNorm: Double
  /// First value that is not finite: the loss or a parameter's gradient, by name. The update was then
  /// left out.
  public let skippedFor: String?
}

extension AdamW {
  /// Takes a training step: loss and gradient of a batch, clipping, update.
  ///
  /// Where loss or gradient are not finite, parameters and moments stay as they are.
  ///
  /// - Parameters:
  ///   - batch: A batch, filled, at the module that the optimizer was made for.
  ///   - number: Number of the step, from 0; dropout draws follow from it and the seed, so that a
  ///     resumed run drops the same values.
  ///   - seed: Random seed of the run.
  ///   - learningRate: The learning rate.
  ///   - clipping: Largest gradient norm; nil for no clipping.
  /// - Returns: Loss and gradient norm.
  public mutating func takeStep<M, Input: TrainingInput>(
    on batch: RecordedBatch<M, Input>, number: Int, seed: UInt64, learningRate: Float,
    clipping: Float?
  ) -> TrainingStep {
    for (item, input) in batch.inputs.enumerated() {
      input.draw.overwrite(seed: seed, number: UInt64(number) << 32 | UInt64(item))
    }
    let loss = batch.run()
    let norm = batch.gradientNorm
    guard loss.isFinite, norm.isFinite else {
      let bad = batch.gradients.firstIndex { !$0.squaredNorm.isFinite }
      let name = loss.isFinite ? bad.map { batch.names[$0] } ?? "gradient norm" : "loss"
      return TrainingStep(loss: loss, gradientNorm: norm, skippedFor: name)
    }
    let longest = clipping.map(Double.init) ?? .infinity
    update(batch, learningRate: learningRate, gradientScale: norm > longest ? Float(longest / norm) : 1)
    return TrainingStep(loss: loss, gradientNorm: norm, skippedFor: nil)
  }
}
