import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining

/// A network on its way to learn a task at one learning rate.
struct TrainingRun<Task: RecallTask> {
  private(set) var network: LogarithmicMemoryNetwork
  private let examples: TrainingExamples<Task>
  private let settings: SweepSettings
  private let rate: LearningRateSchedule
  private var optimizer: AdamW
  private var step = 0
  /// A recorded step for every size that has come so far.
  private var recordings: [Int: Recording] = [:]
  /// The size of the last step: the parameters as they are stand in its recording.
  private var lastSize: Int?

  private typealias Recording = RecordedBatch<LogarithmicMemoryNetwork, TokenWindow>

  init(
    _ network: LogarithmicMemoryNetwork, on examples: TrainingExamples<Task>,
    _ settings: SweepSettings, rate: LearningRateSchedule
  ) {
    self.network = network
    self.examples = examples
    self.settings = settings
    self.rate = rate
    optimizer = AdamW(for: network.stateDictionary, constants: settings.optimizer)
  }

  /// Trains through all epochs, or until a loss or a gradient is not finite.
  mutating func run(
    validation: [Example], report: (CurvePoint) throws -> Void
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
        (sum, count) = (sum + loss, count + 1)
        // So that as many points as asked for lie at equal distances, the last at the end.
        let part = step * settings.evaluations / steps
        guard part > (step - 1) * settings.evaluations / steps else { continue }
        recordings[batch.size]!.store(to: &network)
        point = CurvePoint(
          learningRate: rate.peak, step: step, loss: sum / Double(count),
          accuracy: Double(network.rightAnswers(to: validation)) / Double(asked))
        (sum, count) = (0, 0)
        try report(point!)
      }
    }
    return summary(point)
  }

  /// Takes a step and gives its loss; nil, and no step, when loss or gradient is not finite.
  private mutating func takeStep(_ batch: TrainingExamples<Task>.Batch) -> Double? {
    let recording = recording(of: batch.size)
    examples.fill(recording.inputs, with: batch)
    for (member, window) in recording.inputs.enumerated() {
      window.draw.overwrite(seed: settings.seed, number: UInt64(step) << 32 | UInt64(member))
    }
    let loss = recording.run()
    let norm = recording.gradientNorm
    guard loss.isFinite, norm.isFinite else { return nil }
    let longest = settings.gradientClipping.map(Double.init) ?? .infinity
    optimizer.update(
      recording, learningRate: rate.rate(at: step),
      gradientScale: norm > longest ? Float(longest / norm) : 1)
    step += 1
    return loss
  }

  /// The recorded step of a size, with the parameters as they are.
  private mutating func recording(of size: Int) -> Recording {
    if let recording = recordings[size], size == lastSize { return recording }
    if let lastSize { recordings[lastSize]!.store(to: &network) }
    lastSize = size
    if let recording = recordings[size] {
      recording.load(network)
      return recording
    }
    let recording = Recording(
      ofLossAt: network, windows: settings.batchSize, length: examples.length(ofSize: size))
    recordings[size] = recording
    return recording
  }
}
