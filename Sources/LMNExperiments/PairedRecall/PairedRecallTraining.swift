import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining

/// Training of a network on paired recall.
struct PairedRecallTraining {
  private(set) var network: PairedRecallNetwork
  private let task: PairedRecall
  private let settings: PairedRecallSettings
  private let seed: UInt64
  private var examples: SeededGenerator
  private var optimizer: Optimizer
  /// Recorded step for the current number of pairs; it has the current parameters.
  private var batch: RecordedBatch<PairedRecallNetwork, PairedRecallWindow>
  private var pairs: Int
  /// Number of steps taken.
  private(set) var step = 0

  /// Training from its first step.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - task: The task.
  ///   - settings: The settings.
  ///   - seed: Seed of the dropout draws.
  ///   - examples: Generator of the examples.
  init(
    of network: PairedRecallNetwork, on task: PairedRecall, _ settings: PairedRecallSettings,
    seed: UInt64, examples: SeededGenerator
  ) {
    (self.network, self.task, self.settings) = (network, task, settings)
    (self.seed, self.examples) = (seed, examples)
    optimizer = Optimizer(for: network.stateDictionary, constants: settings.optimizer)
    pairs = settings.pairs(at: 0, of: task)
    batch = RecordedBatch(ofLossAt: network, examples: settings.batchSize, pairs: pairs)
  }

  /// Takes a step.
  ///
  /// - Returns: Its loss; nil, without an update, when loss or gradient is not finite.
  mutating func takeStep() -> Double? {
    let pairs = settings.pairs(at: step, of: task)
    if pairs != self.pairs {
      // Recorded anew, because the curriculum never returns to a number of pairs.
      storeParameters()
      batch = RecordedBatch(ofLossAt: network, examples: settings.batchSize, pairs: pairs)
      self.pairs = pairs
    }
    for window in batch.inputs {
      window.overwrite(with: task.example(pairs: pairs, using: &examples))
    }
    let taken = optimizer.takeStep(
      on: batch, number: step, seed: seed, learningRate: settings.rate(at: step),
      clipping: settings.gradientClipping)
    guard taken.skippedFor == nil else { return nil }
    step += 1
    return taken.loss
  }

  /// Copies the parameters of the last step to the network.
  mutating func storeParameters() { batch.store(to: &network) }
}
