import ArgumentParser
import LMN

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify texts, or forecast a series.",
    discussion: """
      Reads a CSV file and writes CSV. A classifier reads the column of the texts and writes the \
      likeliest label and its probability for each row. A forecaster reads the columns of its \
      channels and writes the forecast rows that follow the last row, as many as its horizon.

      Models of the task text are used by `lmn generate`.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @OptionGroup var weights: WeightsOption
  @Argument(help: "CSV file; - for standard input.", completion: .file())
  var file: String
  @OptionGroup var column: TextColumnOption
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func run() throws {
    try machine.run {
      let model = try AnyModel(contentsOf: model, weights: weights.weights)
      try model.task.expect([column.usage])
      let bytes = try AtomicFile.contents(of: file == "-" ? "/dev/stdin" : file)
      switch model {
      case .text, .memformer:
        throw UnusableInput(
          "\(self.model): its task is text; lmn generate continues a text with it")
      case .classify(let model):
        let texts = try LabelledTexts(
          csv: bytes, file: file, textColumn: column.textColumn ?? "text", labelColumn: nil)
        try Console.write(model.predictions(of: texts))
      case .forecast(let model):
        let series = try Series(csv: bytes, file: file, channels: model.channels)
        try Console.write(model.forecast(after: series))
      }
    }
  }
}
