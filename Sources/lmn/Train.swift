import ArgumentParser
import Foundation
import LMN

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on a text.",
    discussion: """
      Without FILE the text is written by a built-in grammar, whose entropy per character is known \
      exactly: no model's loss can be below that floor, so one sees how much is left to learn.

      The directory gets model.safetensors (the weights as they are), best.safetensors (those with \
      the lowest validation loss), training.safetensors (what --resume needs), configuration.json \
      and log.jsonl. In the log, `loss` is the mean over the batches since the line before; with \
      --preset table1, on lines that have a validation_loss, it is measured like that one.
      """)

  @Argument(
    help: "The text to learn from; - for standard input. (default: the built-in grammar)",
    completion: .file())
  var file: String?

  @Option(help: "Where the run keeps its files.", completion: .directory)
  var output = "run"

  @Flag(help: "Continue the run in the output directory, bit for bit.")
  var resume = false

  @Flag(help: "Print the final report as JSON on standard output.")
  var json = false

  @OptionGroup(title: "Settings") var settings: TrainingOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output is empty, it has to name a directory.") }
  }

  func run() throws {
    try machine.run {
      let directory = RunDirectory(output)
      let text = try self.text()
      var trainer: Trainer
      do { trainer = try resume ? resumed(directory, text) : begun(directory, text) } catch {
        guard error is TokenizerError || error is CorpusError else { throw error }
        throw UnusableInput("\(file ?? "the built-in grammar"): \(error)")
      }
      try train(&trainer)
    }
  }

  private var floor: Double? { file == nil ? Grammar.tales.entropyPerCharacter : nil }

  private func text() throws -> [UInt8] {
    guard let file else {
      var generator = SeededGenerator(seed: 0)
      return Array(Grammar.tales.text(characters: 1_000_000, using: &generator).utf8)
    }
    return try AtomicFile.contents(of: file == "-" ? "/dev/stdin" : file)
  }

  private func begun(_ directory: RunDirectory, _ text: [UInt8]) throws -> Trainer {
    if directory.holdsRun { throw TrainingError.occupied(directory: directory.path) }
    if text.isEmpty { throw CorpusError.empty }
    let tokenizer: Tokenizer =
      switch settings.tokenizer ?? .characters {
      case .characters: .characters(try Vocabulary(of: text))
      case .bytes: .bytes
      }
    let configuration = try settings.configuration(vocabularySize: tokenizer.vocabularySize)
    return try Trainer(configuration, text: text, tokenizer: tokenizer, in: directory)
  }

  private func resumed(_ directory: RunDirectory, _ text: [UInt8]) throws -> Trainer {
    let trainer = try Trainer(resuming: directory, text: text) { configuration in
      try settings.applyToResumed(&configuration)
    }
    try settings.expectTokenizer(of: trainer.model)
    Console.note("continuing \(directory.path) at step \(trainer.step)")
    return trainer
  }

  private func train(_ trainer: inout Trainer) throws {
    let configuration = trainer.configuration
    let context = ExecutionContext.current
    Console.note(
      "\(trainer.model.network.parameterCount) parameters, vocabulary of "
        + "\(configuration.model.vocabularySize), \(context.threadCount) "
        + "thread\(context.threadCount == 1 ? "" : "s"), \(context.instructionSet)")
    if let floor { Console.note("built-in grammar, entropy \(floor.fixed(4)) nats per character") }

    var progress = ProgressBar(
      steps: configuration.steps, from: trainer.step,
      tokensPerStep: configuration.batchSize * configuration.blockLength, floor: floor)
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
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try report(trainer, last: last, seconds: seconds)
  }

  private struct Report: Encodable {
    var directory: String
    var parameters, step, skippedUpdates: Int
    var loss, validationLoss, floor: Double?
    var seconds: Double
    var sample: String

    enum CodingKeys: String, CodingKey {
      case directory, parameters, step, loss, floor, seconds, sample
      case skippedUpdates = "skipped_updates"
      case validationLoss = "validation_loss"
    }
  }

  private func report(_ trainer: Trainer, last: TrainingRecord?, seconds: Double) throws {
    let report = Report(
      directory: output, parameters: trainer.model.network.parameterCount, step: trainer.step,
      skippedUpdates: trainer.skippedUpdates, loss: last?.loss,
      validationLoss: last?.validationLoss, floor: floor, seconds: seconds,
      sample: try sample(of: trainer.model, seed: trainer.configuration.seed))
    if json { return try Console.write(Console.json(report)) }
    let loss = report.validationLoss?.fixed(4) ?? "not finite"
    let floorNote = floor.map { " (floor \($0.fixed(4)))" } ?? ""
    Console.note("validation loss \(loss)\(floorNote) after \(seconds.fixed(1)) s; a sample:")
    try Console.write(report.sample + "\n")
  }

  /// What the model writes behind a line break, or behind its first token where it knows none.
  private func sample(of model: LanguageModel, seed: UInt64) throws -> String {
    var sampler = Sampler()
    sampler.temperature = 0.8
    var generation = Generation(model, sampler: sampler, seed: seed)
    if (try? generation.read([UInt8(ascii: "\n")])) == nil {
      try generation.read(model.tokenizer.decode(0))
    }
    let count = min(400, generation.room)
    return (0..<count).map { _ in generation.write() }.joined() + generation.finish()
  }
}
