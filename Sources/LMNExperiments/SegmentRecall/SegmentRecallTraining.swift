import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining

/// Training of a network on recall across segments, in one arm.
struct SegmentRecallTraining {
  private(set) var network: LanguageNetwork
  private let task: SegmentRecall
  private let arm: SegmentRecallArm
  private let settings: SegmentRecallSettings
  private let seed: UInt64
  private var examples: SeededGenerator
  private var optimizer: Optimizer
  /// Recorded step, with the current parameters and the gradient of the last step.
  let batch: RecordedBatch<LanguageNetwork, TokenWindow>
  /// Number of steps taken.
  private(set) var step = 0

  /// Training from its first step.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - task: The task.
  ///   - arm: The arm.
  ///   - settings: The settings.
  ///   - seed: Seed of the dropout draws.
  ///   - examples: Generator of the examples.
  init(
    of network: LanguageNetwork, on task: SegmentRecall, in arm: SegmentRecallArm,
    _ settings: SegmentRecallSettings, seed: UInt64, examples: SeededGenerator
  ) {
    (self.network, self.task, self.arm, self.settings) = (network, task, arm, settings)
    (self.seed, self.examples) = (seed, examples)
    optimizer = Optimizer(for: network.stateDictionary, constants: settings.optimizer)
    batch = RecordedBatch(
      ofLossAt: network, windows: settings.batchSize, length: task.segmentLength,
      carrying: arm.carry(over: settings.segments))
  }

  /// Takes a step on new examples, each from the beginning of a stream.
  ///
  /// - Returns: Its loss; nil, without an update, when loss or gradient is not finite.
  mutating func takeStep() -> Double? {
    let examples = (0..<settings.batchSize).map { _ in
      task.example(segments: settings.segments, using: &self.examples)
    }
    let runs = arm.runs(over: settings.segments, length: task.segmentLength)
    batch.states = examples.map { _ in nil }
    for tokens in runs.dropLast() {
      fill(tokens, of: examples)
      _ = batch.run()
    }
    fill(runs.last!, of: examples)
    let taken = optimizer.takeStep(
      on: batch, number: step, seed: seed, learningRate: settings.learningRate,
      clipping: settings.gradientClipping)
    guard taken.skippedFor == nil else { return nil }
    step += 1
    return taken.loss
  }

  private func fill(_ tokens: Range<Int>, of examples: [Example]) {
    for (window, example) in zip(batch.inputs, examples) {
      window.overwrite(inputs: example.inputs[tokens], targets: example.targets[tokens])
    }
  }

  /// Copies the parameters of the last step to the network.
  mutating func storeParameters() { batch.store(to: &network) }
}
