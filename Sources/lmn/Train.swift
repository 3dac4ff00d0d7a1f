import ArgumentParser
import Foundation
import LMN

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on a text, on texts and their classes, or on a series.",
    discussion: """
      Three tasks can be learned. text: to continue a text. classify: to name the class of a text, \
      from a CSV with a text and a label per row; nine rows in ten, drawn by the seed, are trained \
      on. forecast: to continue a series of measurements, from a CSV with a column per channel, \
      oldest row first; the first nine tenths are trained on. The other rows validate.

      Without FILE the text is written by a built-in grammar, whose entropy per character is known \
      exactly: no model's loss can be below that floor, so one sees how much is left to learn.

      The directory gets model.safetensors (the weights as they are), best.safetensors (those with \
      the lowest validation loss), training.safetensors (what --resume needs), configuration.json \
      and log.jsonl. In the log, `loss` is the mean over the batches since the line before; with \
      --preset table1, on lines that have a validation_loss, it is measured like that one.
      """)

  @Argument(
    help: "The text, or CSV, to learn from; - for standard input. (default: the built-in grammar)",
    completion: .file())
  var file: String?

  @Option(help: "Where the run keeps its files.", completion: .directory)
  var output = "run"

  @Flag(help: "Continue the run in the output directory, bit for bit.")
  var resume = false

  @Flag(help: "Print the final report as JSON on standard output.")
  var json = false

  @Flag(help: "Print the network's configuration as JSON, in the form of --config, and stop.")
  var printConfig = false

  @OptionGroup(title: "Settings") var settings: TrainingOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output is empty, it has to name a directory.") }
    // What a resumed run is for is known later.
    if let task = settings.tasks.task ?? (resume ? nil : .text) { try expectUsage(of: task) }
  }

  private func expectUsage(of task: TaskKind) throws {
    try settings.expectFlags(of: task)
    if task != .text && file == nil {
      throw ValidationError("The task \(task.rawValue) needs a file to learn from.")
    }
  }

  func run() throws {
    try machine.run {
      let directory = RunDirectory(output)
      if !resume && !printConfig && directory.holdsRun { throw TrainingError.occupied(directory: directory.path) }
      switch try task(of: directory) {
      case .text: try trainOnText(in: directory)
      case .classify: try trainClassifier(in: directory)
      case .forecast: try trainForecaster(in: directory)
      }
    }
  }

  /// What to learn: what a resumed run does, otherwise what the flag says.
  private func task(of directory: RunDirectory) throws -> TaskKind {
    let given = settings.tasks.task
    guard resume else { return given ?? .text }
    let task = try TaskKind(ofRunIn: directory)
    if let given, given != task {
      throw TrainingError.contradiction(
        setting: "--task", given: given.rawValue, run: task.rawValue)
    }
    try expectUsage(of: task)
    return task
  }

  /// With --print-config, prints the configuration of a run that would begin or go on.
  ///
  /// - Returns: Whether it was printed, instead of training.
  func prints(_ configuration: TrainingConfiguration) throws -> Bool {
    if printConfig { try Console.write(Console.json(configuration.model)) }
    return printConfig
  }

  /// The content of the file.
  func contents() throws -> [UInt8] {
    try AtomicFile.contents(of: file == "-" ? "/dev/stdin" : file!)
  }

  /// Trains to the end, with words for people about the model.
  func train<Data>(
    _ trainer: inout Trainer<Data>, about words: String, floor: Double? = nil
  ) throws -> Report {
    let configuration = trainer.configuration
    let context = ExecutionContext.current
    Console.note(
      "\(trainer.model.network.parameterCount) parameters, \(words), \(context.threadCount) "
        + "thread\(context.threadCount == 1 ? "" : "s"), \(context.instructionSet)")
    if let floor { Console.note("built-in grammar, entropy \(floor.fixed(4)) nats per character") }

    var progress = ProgressBar(
      steps: configuration.steps, from: trainer.step,
      tokensPerStep: configuration.tokensPerStep, floor: floor)
    var step = trainer.step
    var last: TrainingRecord?
    let start = ContinuousClock.now
    Interruption.observe()
    let isComplete = try trainer.run(shouldStop: { Interruption.signal != nil }) { event in
      switch event {
      case .step(let loss):
        step += 1
        progress.advance(to: step, loss: loss)
      case .record(let record):
        last = record
        progress.note(record)
      case .skippedUpdate(let tensor):
        progress.clear()
        Console.note("step \(step): '\(tensor)' is not finite, the update was left out")
      }
    }
    progress.clear()
    guard isComplete else {
      Console.note("stopped and saved at step \(trainer.step); --resume continues")
      throw ExitCode(128 + (Interruption.signal ?? 0))
    }
    return Report(
      directory: output, parameters: trainer.model.network.parameterCount, step: trainer.step,
      skippedUpdates: trainer.skippedUpdates, loss: last?.loss,
      validationLoss: last?.validationLoss, floor: floor,
      classification: last?.classification, forecast: last?.forecast,
      seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  /// How a run has ended.
  struct Report: Encodable {
    var directory: String
    var parameters, step, skippedUpdates: Int
    var loss, validationLoss, floor: Double?
    var classification: ClassificationEvaluation?
    var forecast: ForecastEvaluation?
    var seconds: Double
    var sample: String?

    enum CodingKeys: String, CodingKey {
      case directory, parameters, step, loss, floor, classification, forecast, seconds, sample
      case skippedUpdates = "skipped_updates"
      case validationLoss = "validation_loss"
    }
  }

  /// Prints a report: words about it for people, and the result.
  func print(_ report: Report, _ about: String, result: String) throws {
    if json { return try Console.write(Console.json(report)) }
    let loss = report.validationLoss?.fixed(4) ?? "not finite"
    let floorNote = report.floor.map { " (floor \($0.fixed(4)))" } ?? ""
    Console.note("validation loss \(loss)\(floorNote) after \(report.seconds.fixed(1)) s\(about)")
    try Console.write(result)
  }
}
