import ArgumentParser
import LMN

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take a model over from PyTorch, or back.",
    discussion: """
      FILE is a state dict of the published code in safetensors; the output is a directory as `lmn \
      train` leaves one. Sizes are told by the shapes of the tensors, but for the number of heads. \
      Weights of 64 and 16 bits are rounded to 32. Names and shapes that do not fit are listed all at \
      once; then nothing is written.

      With --to-pytorch, FILE is a run's directory or a model file, and the output a state dict for \
      safetensors' load_file and load_state_dict.
      """)

  @Argument(
    help: "What to convert.", completion: .file(extensions: ["safetensors"]))
  var file: String
  @Option(help: "What to make: a directory, or with --to-pytorch a file.")
  var output: String
  @Option(help: "How many heads the attention has.")
  var heads: Int?
  @Option(
    help: "A JSON file with what the shapes do not tell, or tell otherwise.",
    completion: .file(extensions: ["json"]))
  var config: String?
  @Option(
    help: "A text whose sorted characters are the vocabulary. (default: bytes, if there are 256)",
    completion: .file())
  var vocabulary: String?
  @Flag(name: .customLong("to-pytorch"), help: "Write a state dict for PyTorch.")
  var toPyTorch = false
  @Flag(help: "Write query, key and value as sva.q, sva.k and sva.v instead of qkv.")
  var separate = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output is empty, it has to name what to make.") }
    if separate && !toPyTorch { throw ValidationError("--separate needs --to-pytorch.") }
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
        model = try LanguageModel(contentsOf: file)
        try model.writePyTorch(to: output, separatingProjections: separate)
      } else {
        do {
          model = try LanguageModel(pyTorch: file, settings: settings)
        } catch ConversionError.misfit(let file, let error) {
          for finding in error.findings { Console.complain("\(file): \(finding)") }
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
