import ArgumentParser
import LMN

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how well a model predicts a text, classes texts or forecasts a series.",
    discussion: """
      A text, and a series, is predicted twice: as one stream, whose state is carried from the \
      beginning to the end, and in blocks that each begin anew, as in training. A text is read once \
      and may be of any size: memory does not grow with it. A classifier's texts are each read as a \
      stream.

      A series is measured from every row to as many of the following ones as are forecast, with \
      channels normalised as in training and in their own units, beside what repeating the last \
      value and what the mean of the training part would give.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @Argument(help: "The text, or CSV; - for standard input.", completion: .file())
  var file: String
  @Option(help: "Tokens, or rows, of a block; not for classifiers. (default: 512)")
  var blockLength: Int?
  @OptionGroup var columns: ColumnOptions
  @Flag(help: "Print the report as JSON.")
  var json = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if let blockLength, !(1...Configuration.largestSize).contains(blockLength) {
      throw ValidationError("--block-length is \(blockLength), it has to be 1 or more.")
    }
  }

  func run() throws {
    try machine.run {
      let model = try AnyModel(contentsOf: model)
      try model.task.expect(columns.usages)
      do {
        switch model {
        case .text(let model): try evaluate(model)
        case .classify(let model): try evaluate(model)
        case .forecast(let model): try evaluate(model)
        }
      } catch {
        guard error is TokenizerError || error is EvaluationError else { throw error }
        throw UnusableInput("\(file): \(error)")
      }
    }
  }

  private var length: Int { blockLength ?? 512 }
  private var path: String { file == "-" ? "/dev/stdin" : file }

  private func evaluate(_ model: LanguageModel) throws {
    var text = try TokenReader(path, tokenizer: model.tokenizer)
    let report = try EvaluationReport(of: model, on: &text, blockLength: length)
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      "one stream: \(report.streaming.words)blocks of \(length): \(report.blocks.words)")
  }

  private func evaluate(_ model: ClassifierModel) throws {
    if blockLength != nil {
      throw ValidationError("--block-length has no meaning for the task classify.")
    }
    let texts = try LabelledTexts(
      csv: AtomicFile.contents(of: path), file: file, settings: columns.settings)
    let evaluation = try ClassificationEvaluation(
      of: model, over: texts.tokens(by: model.tokenizer),
      classes: texts.classes(among: model.labels))
    try Console.write(json ? Console.json(evaluation) : evaluation.words)
  }

  private func evaluate(_ model: ForecasterModel) throws {
    let series = try Series(
      csv: AtomicFile.contents(of: path), file: file, channels: model.channels)
    let report = try EvaluationReport(of: model, on: series, blockLength: length)
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      "one stream\n\(report.streaming.words)\nblocks of \(length)\n\(report.blocks.words)")
  }
}
