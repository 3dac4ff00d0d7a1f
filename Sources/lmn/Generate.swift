import ArgumentParser
import Foundation
import LMN

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a text.",
    discussion: """
      The prompt is read in parallel form; then tokens are decoded one at a time and written to \
      standard output immediately; a terminal gets control characters as \\x1b. With --save-state, \
      Ctrl-C saves the state, too. Without --prompt and --prompt-file the prompt is read from \
      standard input. Equal seeds give equal texts.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @OptionGroup var weights: WeightsOption
  @Option(help: "Prompt: the text to continue.", transform: FileName.bytes)
  var prompt: [UInt8]?
  @Option(help: "File with the prompt.", completion: .file())
  var promptFile: String?
  @OptionGroup var unknown: UnknownCharacterOptions
  @Option(help: "Number of tokens to write.")
  var tokens = 200
  @Option(help: "Temperature: divides the logits; 0 selects the likeliest token.")
  var temperature = 1.0
  @Option(help: "Top-k sampling: number of likeliest tokens to draw from.")
  var topK: Int?
  @Option(help: "Top-p sampling: probability of the likeliest tokens to draw from.")
  var topP: Double?
  @Option(help: "Random seed. (default: 1, or the generator of the loaded state)")
  var seed: UInt64?
  @Option(help: "File to save the session's state to.", completion: .file())
  var saveState: String?
  @Flag(help: "Replace a file of another kind by the session's state.")
  var overwrite = false
  @Option(help: "State file to continue from; the prompt is then optional.", completion: .file())
  var loadState: String?
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if prompt != nil && promptFile != nil {
      throw ValidationError("Give --prompt or --prompt-file, not both.")
    }
    if overwrite && saveState == nil {
      throw ValidationError("--overwrite has no meaning without --save-state.")
    }
    if tokens < 0 { throw ValidationError("--tokens is \(tokens), it has to be 0 or more.") }
    // The settings have the names of the flags.
    do { try sampler.validate() } catch { throw ValidationError("--\(error).") }
  }

  private var sampler: Sampler {
    var sampler = Sampler()
    sampler.temperature = temperature
    sampler.topK = topK
    sampler.topP = topP
    return sampler
  }

  func run() throws {
    try machine.run {
      try expectOutput()
      switch try AnyModel(contentsOf: model, weights: weights.weights) {
      case .text(let model): try write(with: model)
      case .memformer(let model): try write(with: model)
      case .classify, .forecast:
        // Throws, since the model has another task.
        _ = try LanguageModel(contentsOf: model, weights: weights.weights)
      }
    }
  }

  /// Throws if saving the state would destroy a file.
  private func expectOutput() throws {
    guard let saveState else { return }
    let output = OutputFile(saveState, kind: "state of a session")
    let prompt = (promptFile ?? (prompt == nil ? "-" : nil))?.inputPath
    // A loaded state may be replaced by that of its continuation.
    try output.expectNone(
      of: [model, RunDirectory(model).model, RunDirectory(model).best] + [prompt].compactMap(\.self)
    )
    if overwrite { return }
    do { try output.expectReplaceable(Generation.isState) } catch {
      throw UnusableInput("\(error); --overwrite replaces it")
    }
  }

  private func write(with model: some TextModel) throws {
    var generation =
      try loadState.map { try Generation(restoring: $0, of: model, sampler: sampler) }
      ?? Generation(model, sampler: sampler, seed: seed ?? 1)
    if let seed { generation.generator = SeededGenerator(seed: seed) }
    do { try readPrompt(of: &generation, model.tokenizer) } catch let error as TokenizerError {
      throw UnusableInput("in the prompt, \(unknown.sentence(error))")
    }
    if generation.position == 0 { throw UnusableInput("the prompt is empty") }
    if saveState != nil { Interruption.observe() }
    for _ in 0..<tokens where Interruption.signal == nil {
      try Console.write(generation.write())
    }
    if let saveState {
      try generation.save(to: saveState)
    } else {
      try Console.write(generation.finish())
    }
    if let signal = Interruption.signal { throw ExitCode(128 + signal) }
  }

  private func readPrompt(of generation: inout Generation, _ tokenizer: Tokenizer) throws {
    if let prompt {
      let count = try generation.read(
        prompt, skippingUnknown: unknown.skipUnknown, toWrite: tokens)
      return unknown.note(count, of: "the prompt")
    }
    if promptFile == nil && loadState != nil {
      try generation.read([], toWrite: tokens)
      return
    }
    guard promptFile != nil || isatty(STDIN_FILENO) == 0 else {
      throw UnusableInput("there is no prompt: give --prompt, --prompt-file or standard input")
    }
    var text = try TokenReader(
      (promptFile ?? "-").inputPath, tokenizer: tokenizer, skippingUnknown: unknown.skipUnknown)
    try generation.read(&text, toWrite: tokens)
    unknown.note(text.unknownCount, of: "the prompt")
  }
}
