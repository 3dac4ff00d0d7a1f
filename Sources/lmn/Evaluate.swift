import ArgumentParser
import LMN

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate a model on a text, on labelled texts or on a series.",
    discussion: """
      Texts and series are predicted twice: as one stream, with the state carried from beginning to \
      end, and in blocks that each start from the initial state, as in training. A text is read once, \
      in memory that does not grow with it. A classifier reads each text as a stream; its report has \
      precision, recall and F1 score per class, and the confusion matrix.

      Forecasts are compared from each row with the following rows up to the horizon, with channels \
      normalised as in training and in their own units. Two baselines are reported: repeating the \
      last value, and the mean of the training part.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @OptionGroup var weights: WeightsOption
  @Argument(help: "Text or CSV file; - for standard input.", completion: .file())
  var file: String
  @Option(help: "Tokens or rows per block; not for classifiers. (default: 512)")
  var blockLength: Int?
  @OptionGroup var table: TableOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var unknown: UnknownCharacterOptions
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
      let model = try AnyModel(contentsOf: model, weights: weights.weights)
      try model.task.expect(columns.usages + [table.usage, unknown.usage])
      do {
        switch model {
        case .text(let model): try evaluate(model)
        case .memformer(let model): try evaluate(model)
        case .classify(let model): try evaluate(model)
        case .forecast(let model): try evaluate(model)
        }
      } catch {
        guard error is TokenizerError || error is EvaluationError else { throw error }
        throw UnusableInput("\(file): \(unknown.sentence(error))")
      }
    }
  }

  private var length: Int { blockLength ?? 512 }
  private var path: String { file == "-" ? "/dev/stdin" : file }

  private func evaluate(_ model: some TextModel) throws {
    var text = try TokenReader(
      path, tokenizer: model.tokenizer, skippingUnknown: unknown.skipUnknown)
    let report = try ReadingProgress.shown(of: text.byteCount, "bytes") {
      try EvaluationReport(of: model, on: &text, blockLength: length, report: $0)
    }
    unknown.note(report.unknownCharacters ?? 0, of: file)
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      "one stream: \(report.streaming.words)blocks of \(length): \(report.blocks.words)")
  }

  private func evaluate(_ model: ClassifierModel) throws {
    if blockLength != nil {
      throw ValidationError("--block-length has no meaning for the task classify.")
    }
    let texts = try LabelledTexts(
      csv: AtomicFile.contents(of: path), file: file, settings: columns.classification,
      encoding: table.encoding, allowsEmpty: true)
    let (tokens, unknownCount) = try unknown.tokens(of: texts, by: model.tokenizer)
    let classes = try texts.classes(among: model.labels)
    let evaluation = try ReadingProgress.shown(of: tokens.count, "texts") {
      try ClassificationReport(of: model, over: tokens, classes: classes, report: $0)
    }
    unknown.note(unknownCount, of: file)
    noteEmptyTexts(of: texts)
    try Console.write(json ? Console.json(evaluation) : evaluation.words)
  }

  private func evaluate(_ model: ForecasterModel) throws {
    let series = try Series(
      csv: AtomicFile.contents(of: path), file: file, channels: model.channels,
      encoding: table.encoding)
    let report = try ReadingProgress.shown(of: 2 * series.count, "rows") {
      try EvaluationReport(of: model, on: series, blockLength: length, report: $0)
    }
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      "one stream\n\(report.streaming.words)\nblocks of \(length)\n\(report.blocks.words)")
  }
}
