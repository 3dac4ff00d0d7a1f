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

      Forecasts are evaluated from rolling origins: from each row that a whole horizon follows, with all \
      rows before as history, beside repetition of the last value and of the last season, a ridge \
      regression on lags and the mean, which are fitted to the rows before --from. As one stream and in \
      blocks, channels are normalised as in training and in their own units.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @OptionGroup var weights: WeightsOption
  @Argument(help: "Text or CSV file; - for standard input.", completion: .file())
  var file: String
  @Option(help: "Tokens or rows per block; not for classifiers. (default: 512)")
  var blockLength: Int?
  @OptionGroup var table: TableOptions
  @OptionGroup var missing: MissingOption
  @OptionGroup var rolling: RollingOptions
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
      try model.task.expect(
        columns.usages + table.usages + rolling.usages + [unknown.usage, missing.usage])
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
  private var path: String { file.inputPath }

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
      format: table.format, allowsEmpty: true)
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
    let table = try SeriesTable(
      csv: AtomicFile.contents(of: path), file: file, columns: missing.columns(of: model),
      format: table.format)
    noteMissingValues(of: table)
    let report = try ReadingProgress.shown(of: 3 * table.rowCount, "rows") {
      try EvaluationReport(
        of: model, on: table.series, blockLength: length, from: rolling.choice, report: $0)
    }
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      (report.rolling.map { $0.words + "\n" } ?? "")
        + "one stream\n\(report.streaming.words)\nblocks of \(length)\n\(report.blocks.words)")
  }
}

/// Flags for the forecasts of an evaluation.
struct RollingOptions: ParsableArguments {
  @Option(
    help: """
      forecast: first row to forecast, counted from 1; the rows before are history, and forecasts without \
      a model are fitted to them, so the model should be trained on them only. (default: that after nine \
      tenths)
      """)
  var from: Int?
  @Option(help: "forecast: forecasts at most, evenly spaced. (default: one per row)")
  var origins: Int?
  @Option(help: "forecast: rows of a season. (default: found by autocorrelation)")
  var season: Int?

  func validate() throws {
    for (flag, value, least) in [
      ("--from", from, 2), ("--origins", origins, 1), ("--season", season, 1),
    ] {
      if let value, value < least {
        throw ValidationError("\(flag) is \(value), it has to be \(least) or more.")
      }
    }
  }

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] {
    [
      ("--from", from != nil, [.forecast]), ("--origins", origins != nil, [.forecast]),
      ("--season", season != nil, [.forecast]),
    ]
  }

  /// Choice of the forecasts.
  var choice: RollingEvaluation.Origins {
    var choice = RollingEvaluation.Origins()
    (choice.from, choice.most, choice.season) = (from, origins, season)
    return choice
  }
}
