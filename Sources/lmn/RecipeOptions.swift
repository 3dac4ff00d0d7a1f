import ArgumentParser
import Foundation
import LMN
import LMNExperiments

/// Flags of a recipe.
struct RecipeOptions: ParsableArguments {
  @Flag(help: "Short form, which runs in minutes and is no evidence.")
  var quick = false
  @Option(
    help: "Output directory of the report. (default: experiments/NAME)", completion: .directory)
  var output: String?
  @Flag(help: "Continue the experiment in the output directory; finished cells are kept.")
  var resume = false
  /// Measures one cell for the process that runs the recipe, and prints the result as JSON.
  @Option(help: .hidden)
  var cell: String?

  /// Whether a flag is given.
  var areGiven: Bool { quick || output != nil || resume || cell != nil }

  /// Throws if the flags of a recipe are given beside others, in a command that has both.
  ///
  /// - Parameter file: A file that is given.
  /// - Throws: A usage error.
  func expectNoOthers(file: String? = nil) throws {
    guard areGiven else { return }
    let own = ["--quick", "--output", "--resume", "--cell", "--threads"]
    let flags = RawArguments.texts.dropFirst().map { String($0.prefix { $0 != "=" }) }
    let other = flags.first { $0.hasPrefix("--") && !own.contains($0) } ?? file
    if let other {
      throw ValidationError(
        "\(other) is for a single network; a recipe, with --output, --quick or --resume, has its own "
          + "settings.")
    }
  }

  func validate() throws {
    if output == "" { throw ValidationError("--output is empty, it has to name a directory.") }
  }

  /// Runs a recipe, and prints the path of its report.
  ///
  /// - Parameters:
  ///   - type: The recipe.
  ///   - files: Its files.
  /// - Throws: Errors of files and cells; an exit code after a signal.
  func run<R: Recipe>(_ type: R.Type, on files: [String] = []) throws {
    let form = quick ? RecipeForm.quick : .full
    let inputs = try files.map { try RecipeFile(contentsOf: $0.inputPath) }
    let directory = output ?? "experiments/\(R.name)"
    var run = try RecipeRun(R(form, files: inputs), form: form, in: directory)
    if let cell { return try measure(cell, of: run) }
    try run.begin(resuming: resume)
    Console.note("\(R.name): \(run.cells.count) cells, results in \(directory)")

    Interruption.observe()
    var progress = RecipeProgress(run.cells)
    let results = try run.run(
      shouldStop: { Interruption.signal != nil },
      isolated: { try measureInProcess($0, of: R.self, on: files) }, report: { progress.show($0) })
    ProgressLine.clear()
    guard let results else {
      Console.note("stopped; finished cells are kept, --resume continues")
      throw ExitCode(128 + (Interruption.signal ?? 0))
    }
    try Console.write(results[0] + "\n")
  }

  private func measure(_ id: String, of run: RecipeRun) throws {
    guard let cell = run.cells.first(where: { $0.id == id }) else {
      throw ValidationError("--cell is \(id), which is no cell of the recipe.")
    }
    let measurements = try cell.measure(CellWork(directory: "\(run.directory)/cells/\(id)"))
    try Console.write(Console.json(measurements))
  }

  /// Measures a cell in a process of its own, by this program.
  private func measureInProcess<R: Recipe>(
    _ cell: Cell, of recipe: R.Type, on files: [String]
  ) throws -> [MeasuredValue] {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = Bundle.main.executableURL
    process.arguments =
      [
        "experiment", R.name, "--cell", cell.id, "--threads",
        "\(ExecutionContext.current.threadCount)",
      ] + (quick ? ["--quick"] : []) + files
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      // The signal reaches both processes.
      if Interruption.signal != nil { throw RecipeInterruption() }
      throw UnusableInput("the process that measures the cell \(cell.id) failed")
    }
    return try JSONDecoder().decode([MeasuredValue].self, from: output)
  }
}

/// Progress of a recipe over all cells: a bar on a terminal, a line per cell otherwise.
private struct RecipeProgress {
  private let cells: [Cell]
  private let start = ContinuousClock.now
  private var shown = ContinuousClock.now - .seconds(1)
  /// Part of the work that earlier runs have done.
  private var first: Double?

  init(_ cells: [Cell]) { self.cells = cells }

  mutating func show(_ event: RecipeRun.Event) {
    switch event {
    case .finished(let cell, let seconds):
      guard !Console.isTerminal else { return }
      Console.note("\(cell + 1)/\(cells.count)  \(cells[cell].id)  \(seconds.fixed(1)) s")
    case .progress(let cell, let part):
      let (first, now) = (self.first ?? part, ContinuousClock.now)
      self.first = first
      guard Console.isTerminal, now - shown > .milliseconds(100) else { return }
      shown = now
      let pace = (now - start) / .seconds(1) / (part - first)
      let left = part > first ? ProgressLine.clock(pace * (1 - part)) : "–"
      ProgressLine.show([
        "\(ProgressLine.bar(Int(part * 1000), of: 1000)) \(cell + 1)/\(cells.count)",
        cells[cell].id, "\(left) left",
      ])
    }
  }
}

/// Command of a recipe.
struct RecipeCommand<R: Recipe>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: R.name, abstract: R.summary, discussion: R.discussion)
  }

  @Argument(help: R.input.help, completion: .file())
  var files: [String] = []
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    guard let other = files.dropFirst(R.input.mostFiles).first else { return }
    throw ValidationError(
      files.count == 1
        ? "\(R.name) reads no file, and '\(other)' is given."
        : "\(R.name) reads one text, and '\(other)' is a second one.")
  }

  func run() throws { try machine.run { try recipe.run(R.self, on: files) } }
}

extension RecipeInput {
  /// Help for the argument.
  fileprivate var help: ArgumentHelp {
    switch self {
    case .nothing: .hidden
    case .text: "Text; - for standard input. (default: text of the built-in grammar)"
    case .tables: "CSV tables, beside the data of the recipe; - for standard input."
    }
  }
}
