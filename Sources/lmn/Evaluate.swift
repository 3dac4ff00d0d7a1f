import ArgumentParser
import LMN

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how well a model predicts a text.",
    discussion: """
      The whole text is predicted twice: as one stream, whose state is carried from the first token \
      to the last, and in blocks that each begin anew, as in training. It is read once and may be of \
      any size: memory does not grow with it.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @Argument(help: "The text; - for standard input.", completion: .file())
  var file: String
  @Option(help: "Tokens of a block.")
  var blockLength = 512
  @Flag(help: "Print the report as JSON.")
  var json = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if !(1...Configuration.largestSize).contains(blockLength) {
      throw ValidationError("--block-length is \(blockLength), it has to be 1 or more.")
    }
  }

  func run() throws {
    try machine.run {
      let model = try LanguageModel(contentsOf: model)
      let report: EvaluationReport
      do {
        var text = try TokenReader(
          file == "-" ? "/dev/stdin" : file, tokenizer: model.tokenizer)
        report = try EvaluationReport(of: model, on: &text, blockLength: blockLength)
      } catch {
        guard error is TokenizerError || error is EvaluationError else { throw error }
        throw UnusableInput("\(file): \(error)")
      }
      if json { return try Console.write(Console.json(report)) }
      for (name, evaluation) in [
        ("one stream", report.streaming), ("blocks of \(blockLength)", report.blocks),
      ] {
        try Console.write(
          """
          \(name): loss \(evaluation.loss.fixed(4)) nats per token, perplexity \
          \(evaluation.perplexity.fixed(3)), \(evaluation.bitsPerByte.fixed(4)) bits per byte \
          (\(evaluation.tokens) tokens)

          """)
      }
    }
  }
}
