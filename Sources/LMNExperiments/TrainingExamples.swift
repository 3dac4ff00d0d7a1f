import LMNLayers
import LMNModel

/// Training examples: a fixed number per size, generated on demand.
struct TrainingExamples<Task: AnswerTask> {
  private let task: Task
  private let settings: SweepSettings
  private let seed: UInt64

  /// Training examples of a task, determined by the seed.
  init(_ task: Task, _ settings: SweepSettings, seed: UInt64) {
    self.task = task
    self.settings = settings
    self.seed = seed
  }

  /// Examples of a step, all of one size.
  struct Batch {
    /// Index of the size in the task's list.
    let size: Int
    /// Indices of the examples of that size.
    let examples: ArraySlice<Int>
  }

  /// Steps of an epoch; examples that do not fill a batch are left out.
  var batchesOfEpoch: Int {
    task.trainingSizes.count * (settings.examples / settings.batchSize)
  }

  /// All batches of an epoch, shuffled, with shuffled examples.
  func epoch(using generator: inout SeededGenerator) -> [Batch] {
    let batches = task.trainingSizes.indices.flatMap { size in
      let order = generator.draw(settings.examples, below: settings.examples)
      return (0..<settings.examples / settings.batchSize).map { batch in
        Batch(
          size: size,
          examples: order[batch * settings.batchSize..<(batch + 1) * settings.batchSize])
      }
    }
    return generator.draw(batches.count, below: batches.count).map { batches[$0] }
  }

  /// Tokens of an example of a size, given by its index.
  func length(ofSize size: Int) -> Int { task.length(of: task.trainingSizes[size]) }

  /// An example of a size.
  func example(_ index: Int, ofSize size: Int) -> Example {
    var generator = SeededGenerator(seed: seed &+ UInt64(size) << 32 &+ UInt64(index))
    let example = task.example(of: task.trainingSizes[size], using: &generator)
    return settings.predictsAll ? example.predictingAll : example
  }

  /// Writes the examples of a batch into windows.
  func fill(_ windows: [TokenWindow], with batch: Batch) {
    for (window, index) in zip(windows, batch.examples) {
      let example = example(index, ofSize: batch.size)
      window.overwrite(inputs: example.inputs[...], targets: example.targets[...])
    }
  }
}
