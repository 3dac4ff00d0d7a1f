import LMNLayers
import LMNModel

/// The examples that networks are trained on: a fixed number of each size, made when they are needed.
struct TrainingExamples<Task: RecallTask> {
  private let task: Task
  private let settings: SweepSettings
  private let seed: UInt64

  /// The task's examples; those of other seeds are other ones.
  init(_ task: Task, _ settings: SweepSettings, seed: UInt64) {
    self.task = task
    self.settings = settings
    self.seed = seed
  }

  /// A step's examples, all of one size.
  struct Batch {
    /// The place of the size among the task's.
    let size: Int
    /// Which of its examples.
    let examples: ArraySlice<Int>
  }

  /// Steps that all examples make, but for those that fill no batch.
  var batchesOfEpoch: Int {
    task.trainingSizes.count * (settings.examples / settings.batchSize)
  }

  /// All batches, in random order and of random examples.
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

  /// Tokens of an example of a size.
  func length(ofSize size: Int) -> Int { task.length(of: task.trainingSizes[size]) }

  /// One of the examples of a size.
  func example(_ index: Int, ofSize size: Int) -> Example {
    var generator = SeededGenerator(seed: seed &+ UInt64(size) << 32 &+ UInt64(index))
    let example = task.example(of: task.trainingSizes[size], using: &generator)
    return settings.predictsAll ? example.askingForAll : example
  }

  /// Writes a batch's examples into windows.
  func fill(_ windows: [TokenWindow], with batch: Batch) {
    for (window, index) in zip(windows, batch.examples) {
      let example = example(index, ofSize: batch.size)
      window.overwrite(inputs: example.inputs[...], targets: example.targets[...])
    }
  }
}
