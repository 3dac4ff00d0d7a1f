import ArgumentParser
import LMN

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name the classes of texts, or continue a series.",
    discussion: """
      Reads a CSV and writes one. A classifier reads the column with the texts and writes for every \
      row the likeliest label and its probability. A forecaster reads its channels from the first \
      row to the last and writes as many further rows as it was trained to forecast.

      A model of texts predicts by `lmn generate`.
      """)

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String
  @Argument(help: "The CSV; - for standard input.", completion: .file())
  var file: String
  @OptionGroup var column: TextColumnOption
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func run() throws {
    try machine.run {
      let model = try AnyModel(contentsOf: model)
      try model.task.expect([column.usage])
      let bytes = try AtomicFile.contents(of: file == "-" ? "/dev/stdin" : file)
      switch model {
      case .text:
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
