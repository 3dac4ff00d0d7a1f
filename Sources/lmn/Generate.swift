import ArgumentParser
import Foundation
import LMN

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a text.",
    discussion: """
      The prompt is read in parallel, then one token at a time is written to standard output as it \
      comes. Without --prompt and --prompt-file the prompt is read from standard input. The same \
      seed gives the same text.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @Option(help: "The text to continue.")
  var prompt: String?
  @Option(help: "A file with the text to continue.", completion: .file())
  var promptFile: String?
  @Option(help: "How many tokens to write.")
  var tokens = 200
  @Option(help: "Divides the logits; 0 always takes the likeliest token.")
  var temperature = 1.0
  @Option(help: "Draw from so many of the likeliest tokens only.")
  var topK: Int?
  @Option(help: "Draw from the likeliest tokens that together have this probability only.")
  var topP: Double?
  @Option(help: "What every draw follows from. (default: 1, or where the loaded state stands)")
  var seed: UInt64?
  @Option(help: "Write where the session stands to this file.", completion: .file())
  var saveState: String?
  @Option(help: "Go on where a session stood; a prompt is then not needed.", completion: .file())
  var loadState: String?
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if prompt != nil && promptFile != nil {
      throw ValidationError("Give --prompt or --prompt-file, not both.")
    }
    if tokens < 0 { throw ValidationError("--tokens is \(tokens), it has to be 0 or more.") }
    do { try sampler.validate() } catch { throw ValidationError("\(error).") }
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
      let model = try LanguageModel(contentsOf: model)
      var generation =
        try loadState.map { try Generation(restoring: $0, of: model, sampler: sampler) }
        ?? Generation(model, sampler: sampler, seed: seed ?? 1)
      if let seed { generation.generator = SeededGenerator(seed: seed) }
      do { try readPrompt(of: &generation, model.tokenizer) } catch let error as TokenizerError {
        throw UnusableInput("in the prompt, \(error)")
      }
      if generation.position == 0 { throw UnusableInput("the prompt is empty") }
      for _ in 0..<tokens { try Console.write(generation.write()) }
      if let saveState {
        try generation.save(to: saveState)
      } else {
        try Console.write(generation.finish())
      }
    }
  }

  private func readPrompt(of generation: inout Generation, _ tokenizer: Tokenizer) throws {
    if let prompt { return try generation.read(Array(prompt.utf8), toWrite: tokens) }
    if promptFile == nil && loadState != nil { return try generation.read([], toWrite: tokens) }
    guard promptFile != nil || isatty(STDIN_FILENO) == 0 else {
      throw UnusableInput("there is no prompt: give --prompt, --prompt-file or standard input")
    }
    var text = try TokenReader(promptFile ?? "/dev/stdin", tokenizer: tokenizer)
    try generation.read(&text, toWrite: tokens)
  }
}
