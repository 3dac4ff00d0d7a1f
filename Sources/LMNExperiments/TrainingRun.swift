import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining

/// Training of a network on a task at one learning rate.
struct TrainingRun<Task: AnswerTask> {
  private(set) var network: LanguageNetwork
  private let examples: TrainingExamples<Task>
  private let settings: SweepSettings
  private let rate: LearningRateSchedule
  private var optimizer: Optimizer
  private var step = 0
  /// Recorded step per size, by index.
  private var batches: [Int: Batch] = [:]
  /// Size of the last step, whose batch has the current parameters.
  private var lastSize: Int?

  private typealias Batch = RecordedBatch<LanguageNetwork, TokenWindow>

  init(
    _ network: LanguageNetwork, on examples: TrainingExamples<Task>,
    _ settings: SweepSettings, rate: LearningRateSchedule
  ) {
    self.network = network
    self.examples = examples
    self.settings = settings
    self.rate = rate
    optimizer = Optimizer(for: network.stateDictionary, constants: settings.optimizer)
  }

  /// Trains for all epochs, or until a loss or a gradient is not finite.
  mutating func run(
    validation: [Example], report: (Sweep<Task>.Event) throws -> Void
  ) throws -> SweepRun {
    let steps = settings.epochs * examples.batchesOfEpoch
    let asked = validation.reduce(0) { $0 + $1.targets.count { $0 >= 0 } }
    let start = ContinuousClock.now
    var generator = SeededGenerator(seed: settings.seed)
    var (sum, count, point): (Double, Int, CurvePoint?) = (0, 0, nil)
    func summary(_ point: CurvePoint?) -> SweepRun {
      SweepRun(
        learningRate: rate.peak, steps: step, loss: point?.loss, accuracy: point?.accuracy,
        seconds: (ContinuousClock.now - start) / .seconds(1))
    }
    for _ in 0..<settings.epochs {
      for batch in examples.epoch(using: &generator) {
        guard let loss = takeStep(batch) else { return summary(nil) }
        try report(.step(step))
        (sum, count) = (sum + loss, count + 1)
        // Spaces the requested number of points evenly, the last one at the end.
        let part = step * settings.evaluations / steps
        guard part > (step - 1) * settings.evaluations / steps else { continue }
        batches[batch.size]!.store(to: &network)
        point = CurvePoint(
          learningRate: rate.peak, step: step, loss: sum / Double(count),
          accuracy: Double(network.rightAnswers(to: validation)) / Double(asked))
        (sum, count) = (0, 0)
        try report(.point(point!))
      }
    }
    return summary(point)
  }

  /// Takes a step and returns its loss; nil, without an update, when loss or gradient is not
  /// finite.
  private mutating func takeStep(_ examples: TrainingExamples<Task>.Batch) -> Double? {
    let batch = batch(ofSize: examples.size)
    self.examples.fill(batch.inputs, with: examples)
    let taken = optimizer.takeStep(
      on: batch, number: step, seed: settings.seed, learningRate: rate.rate(at: step),
      clipping: settings.gradientClipping)
    guard taken.skippedFor == nil else { return nil }
    step += 1
    return taken.loss
  }

  /// The recorded batch of a size, with the current parameters.
  private mutating func batch(ofSize size: Int) -> Batch {
    if let batch = batches[size], size == lastSize { return batch }
    if let lastSize { batches[lastSize]!.store(to: &network) }
    lastSize = size
    if let batch = batches[size] {
      batch.load(network)
      return batch
    }
    let batch = Batch(
      ofLossAt: network, windows: settings.batchSize, length: examples.length(ofSize: size))
    batches[size] = batch
    return batch
  }
}
