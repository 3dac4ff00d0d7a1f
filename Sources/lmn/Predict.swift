import ArgumentParser
import LMN
import LMNCharts

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify texts, or forecast a series.",
    discussion: """
      Reads a CSV file and writes CSV. A classifier reads the column of the texts and writes the \
      likeliest label and its probability for each row, in the order of the rows; with --probabilities \
      also those of all classes. A forecaster reads the columns of its channels and covariates and \
      writes the forecast rows that follow the last row, as many as its horizon, with their dates; \
      covariates have to be known in these rows, where the channels are empty.

      An empty text has the class that the network gives without a token, and is reported.

      Models of the task text are used by `lmn generate`.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @OptionGroup var weights: WeightsOption
  @Argument(help: "CSV file; - for standard input.", completion: .file())
  var file: String
  @OptionGroup var table: TableOptions
  @OptionGroup var missing: MissingOption
  @Option(
    help: "forecast: SVG file to draw history, forecast and interval of the first series to.",
    completion: .file(extensions: ["svg"]))
  var plot: String?
  @Option(help: "forecast: channel to draw. (default: the first)")
  var plotChannel: String?
  @OptionGroup var column: TextColumnOption
  @Flag(help: "classify: write a column probability_LABEL per class.")
  var probabilities = false
  @Option(help: "classify: column that identifies the rows, copied to the output as its first.")
  var idColumn: String?
  @OptionGroup var unknown: UnknownCharacterOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if plotChannel != nil && plot == nil {
      throw ValidationError("--plot-channel has no meaning without --plot.")
    }
  }

  func run() throws {
    try machine.run {
      let model = try AnyModel(contentsOf: model, weights: weights.weights)
      try model.task.expect(
        table.usages + [
          column.usage, unknown.usage, missing.usage, ("--plot", plot != nil, [.forecast]),
          ("--probabilities", probabilities, [.classify]),
          ("--id-column", idColumn != nil, [.classify]),
        ])
      let bytes = try AtomicFile.contents(of: file.inputPath)
      switch model {
      case .text, .memformer:
        throw UnusableInput(
          "\(self.model): its task is text; lmn generate continues a text with it")
      case .classify(let model):
        try Console.write(predictions(of: model, from: bytes))
      case .forecast(let model):
        try Console.write(forecasts(of: model, from: bytes))
      }
    }
  }

  /// CSV with the forecast of each series.
  private func forecasts(of model: ForecasterModel, from bytes: [UInt8]) throws -> String {
    let table = try SeriesTable(
      csv: bytes, file: file, columns: missing.columns(of: model), format: table.format)
    noteMissingValues(of: table)
    let forecasts = try ReadingProgress.shown(of: table.rowCount, "rows") { report in
      var done = 0
      return try table.series.map { series in
        defer { done += series.count }
        return try model.forecast(after: series) { report(done + $0) }
      }
    }
    if let plot {
      let channel = plotChannel ?? model.channels[0]
      guard let index = model.channels.firstIndex(of: channel) else {
        throw ValidationError(
          "--plot-channel is '\(channel)', the channels are \(model.channels.joined(separator: ", "))."
        )
      }
      try OutputFile(plot, kind: "chart").expectNone(of: [file])
      let chart = LineChart(of: table.series[0], forecasts[0], channel: index)
      try AtomicFile.write(Array(chart.svg.utf8), to: plot)
    }
    return model.table(of: forecasts, time: table.series[0].times?.name)
  }

  /// CSV with the likeliest label of each text, those of empty texts too.
  private func predictions(of model: ClassifierModel, from bytes: [UInt8]) throws -> String {
    let texts = try LabelledTexts(
      csv: bytes, file: file, textColumn: column.textColumn ?? "text", labelColumn: nil,
      idColumn: idColumn, format: table.format, allowsEmpty: true)
    let (tokens, unknownCount) = try unknown.tokens(of: texts, by: model.tokenizer)
    let predictions = try ReadingProgress.shown(of: tokens.count, "texts") {
      try model.table(of: tokens, ids: texts.ids, everyClass: probabilities, report: $0)
    }
    unknown.note(unknownCount, of: file)
    noteEmptyTexts(of: texts)
    return predictions
  }
}

/// Reports texts without a token.
func noteEmptyTexts(of texts: LabelledTexts) {
  let lines = texts.emptyLines
  guard let first = lines.first else { return }
  Console.note(
    lines.count == 1
      ? "\(texts.file): the text in line \(first) is empty; its class is that of no token"
      : "\(texts.file): \(lines.count) texts are empty, the first in line \(first); their class is that "
        + "of no token")
}
