import ArgumentParser
import LMN

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert a model from or to PyTorch.",
    discussion: """
      FILE is a state dict of the published code in safetensors; the output is a directory like that \
      of `lmn train`. Sizes follow from the shapes of the tensors, except the number of heads. Weights \
      of 64 and 16 bits are rounded to 32 bits. If names or shapes do not match, all mismatches are \
      listed and nothing is written. A prefix of the names such as module. is left out.

      With --to-pytorch, FILE is a run's directory or a model file, and the output a state dict for \
      safetensors' load_file and load_state_dict.
      """)

  @Argument(
    help: "Model to convert.", completion: .file(extensions: ["safetensors"]))
  var file: String
  @Option(help: "Output: a directory, or with --to-pytorch a file.")
  var output: String
  @Option(help: "Number of attention heads.")
  var heads: Int?
  @Option(
    help: "JSON file with configuration keys; overrides keys that follow from the shapes.",
    completion: .file(extensions: ["json"]))
  var config: String?
  @Option(
    help: "Text whose sorted characters are the vocabulary. (default: bytes, if there are 256)",
    completion: .file())
  var vocabulary: String?
  @Flag(name: .customLong("to-pytorch"), help: "Write a PyTorch state dict.")
  var toPyTorch = false
  @Flag(help: "Write query, key and value as sva.q, sva.k and sva.v instead of qkv.")
  var separate = false
  @OptionGroup var weights: WeightsOption
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output is empty, it has to name the output.") }
    if separate && !toPyTorch { throw ValidationError("--separate needs --to-pytorch.") }
    if weights.weights != nil && !toPyTorch {
      throw ValidationError("--weights needs --to-pytorch.")
    }
    if toPyTorch && !(heads == nil && config == nil && vocabulary == nil) {
      throw ValidationError("--heads, --config and --vocabulary do not go with --to-pytorch.")
    }
  }

  private var settings: LanguageModel.PyTorchSettings {
    var settings = LanguageModel.PyTorchSettings()
    (settings.heads, settings.configuration, settings.vocabulary) = (heads, config, vocabulary)
    return settings
  }

  func run() throws {
    try machine.run {
      let model: LanguageModel
      if toPyTorch {
        model = try LanguageModel(contentsOf: file, weights: weights.weights)
        try model.writePyTorch(to: output, separatingProjections: separate)
      } else {
        do {
          model = try LanguageModel(pyTorch: file, settings: settings) {
            Console.note("\(file): \($0)")
          }
        } catch ConversionError.misfit(let file, let error) {
          for finding in error.findings { Console.reportError("\(file): \(finding)") }
          throw ExitCode(2)
        }
        try RunDirectory(output).begin(with: model)
      }
      Console.note(
        "\(output): \(model.network.parameterCount) parameters, "
          + model.network.configuration.json)
    }
  }
}
