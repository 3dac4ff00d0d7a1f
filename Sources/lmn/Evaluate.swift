import ArgumentParser
import LMN

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how well a model predicts a text, classes texts or forecasts a series.",
    discussion: """
      A text, and a series, is predicted twice: as one stream, whose state is carried from the \
      beginning to the end, and in blocks that each begin anew, as in training. A classifier's texts \
      are each read as a stream.

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
      try columns.expectFlags(of: model.task)
      let bytes = try AtomicFile.contents(of: file == "-" ? "/dev/stdin" : file)
      switch model {
      case .text(let model): try evaluate(model, over: bytes)
      case .classify(let model): try evaluate(model, over: bytes)
      case .forecast(let model): try evaluate(model, over: bytes)
      }
    }
  }

  /// What both ways of reading give.
  private struct Report<Evaluation: Encodable>: Encodable {
    let streaming, blocks: Evaluation
  }

  private var length: Int { blockLength ?? 512 }

  private func evaluate(_ model: LanguageModel, over text: [UInt8]) throws {
    let tokens: [Token]
    do { tokens = try model.tokenizer.encode(text) } catch {
      throw UnusableInput("\(file): \(error)")
    }
    guard tokens.count > 1 else {
      throw UnusableInput("\(file): there is nothing to predict in \(tokens.count) tokens")
    }
    let report = Report(
      streaming: try Evaluation.streaming(model, over: tokens),
      blocks: try .byBlocks(model, over: tokens, length: length))
    if json { return try Console.write(Console.json(report)) }
    for (name, evaluation) in [
      ("one stream", report.streaming), ("blocks of \(length)", report.blocks),
    ] {
      try Console.write(
        """
        \(name): loss \(evaluation.loss.fixed(4)) nats per token, perplexity \
        \(evaluation.perplexity.fixed(3)), \(evaluation.bitsPerByte.fixed(4)) bits per byte \
        (\(evaluation.tokens) tokens)

        """)
    }
  }

  private func evaluate(_ model: TextClassifier, over bytes: [UInt8]) throws {
    if blockLength != nil {
      throw ValidationError("--block-length has no meaning for the task classify.")
    }
    let texts = try LabelledTexts(csv: bytes, file: file, settings: columns.settings)
    let evaluation = try ClassificationEvaluation(
      of: model, over: texts.tokens(by: model.tokenizer),
      classes: texts.classes(among: model.labels))
    try Console.write(json ? Console.json(evaluation) : evaluation.words)
  }

  private func evaluate(_ model: SeriesForecaster, over bytes: [UInt8]) throws {
    let series = try Series(csv: bytes, file: file, channels: model.channels)
    guard series.count > 1 else {
      throw UnusableInput("\(file): there is nothing to forecast in 1 row")
    }
    let values = model.network.normalisation.normalised(series.values)
    let report = Report(
      streaming: try ForecastEvaluation.streaming(model, over: values),
      blocks: try .byBlocks(model, over: values, length: length))
    if json { return try Console.write(Console.json(report)) }
    try Console.write(
      "one stream\n\(report.streaming.words)\nblocks of \(length)\n\(report.blocks.words)")
  }
}
