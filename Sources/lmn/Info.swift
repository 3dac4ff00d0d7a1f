import ArgumentParser
import LMN

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Describe this program, and a model.")

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String?
  @Flag(help: "Print the report as JSON.")
  var json = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  private struct Report: Encodable {
    let version, instructionSet: String
    let availableInstructionSets: [String]
    let threads: Int
    let blas: String
    let model: Model?

    enum CodingKeys: String, CodingKey {
      case version, threads, blas, model
      case instructionSet = "instruction_set"
      case availableInstructionSets = "available_instruction_sets"
    }

    struct Model: Encodable {
      let configuration: Configuration
      let parameters: Int
      /// Per stream, by tokens seen.
      let stateBytes: [String: Int]

      enum CodingKeys: String, CodingKey {
        case configuration, parameters
        case stateBytes = "state_bytes"
      }
    }
  }

  private static let lengths = [("1k", 1_000), ("1M", 1_000_000), ("1G", 1_000_000_000)]

  func run() throws {
    try machine.run {
      let context = ExecutionContext.current
      let network = try model.map { try LanguageModel(contentsOf: $0).network }
      let report = Report(
        version: lmnVersion, instructionSet: context.instructionSet.name,
        availableInstructionSets: InstructionSet.available.map(\.name),
        threads: context.threadCount, blas: blasDescription,
        model: network.map { network in
          Report.Model(
            configuration: network.configuration, parameters: network.parameterCount,
            stateBytes: Dictionary(
              uniqueKeysWithValues: Self.lengths.map { name, tokens in
                (name, network.stateByteCount(after: tokens))
              }))
        })
      if json { return try Console.write(Console.json(report)) }
      var lines = [
        "version          \(report.version)",
        "instruction set  \(report.instructionSet)"
          + " (available: \(report.availableInstructionSets.joined(separator: ", ")))",
        "threads          \(report.threads)",
        "BLAS             \(report.blas)",
      ]
      if let model = report.model {
        lines += [
          "configuration    \(model.configuration.json)",
          "parameters       \(model.parameters)",
        ]
        lines += Self.lengths.map { name, _ in
          "state at \(name)      \(model.stateBytes[name]!) bytes per stream"
        }
      }
      try Console.write(lines.joined(separator: "\n") + "\n")
    }
  }
}
