import ArgumentParser
import LMN

/// Stream lengths at which the state size is reported.
private let lengths = [("1k", 1_000), ("1M", 1_000_000), ("1G", 1_000_000_000)]

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Describe this program, and optionally a model or the memory of a training step.")

  @Option(help: "A run's directory or a model file.", completion: .directory)
  var model: String?
  @OptionGroup var weights: WeightsOption
  @Flag(help: "Print the report as JSON.")
  var json = false
  @Option(
    parsing: .remaining,
    help: ArgumentHelp(
      "All that follows are arguments of `lmn train`; the peak memory of its steps is predicted.",
      valueName: "arguments"))
  var train: [String] = []
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if weights.weights != nil && model == nil {
      throw ValidationError("--weights has no meaning without --model.")
    }
  }

  private struct Report: Encodable {
    let version, instructionSet: String
    let availableInstructionSets: [String]
    let threads: Int
    let blas: String
    let model: Model?
    /// Predicted peak memory of a training step, without that of the process before.
    let stepBytes: Int?

    enum CodingKeys: String, CodingKey {
      case version, threads, blas, model
      case stepBytes = "step_bytes"
      case instructionSet = "instruction_set"
      case availableInstructionSets = "available_instruction_sets"
    }

    struct Model: Encodable {
      let task: TaskKind
      let configuration: Sizes
      /// Of a classifier.
      var labels: [String]?
      var pooling: Pooling?
      var nGrams: NGrams.Settings?
      /// Of a forecaster.
      var channels: [String]?
      var horizon: Int?
      var normalisation: Normalisation?
      var forecaster: ForecasterNetwork.Settings?
      /// Whether the forecasts are those of the linear map alone.
      var isLinear: Bool?
      let parameters: Int
      /// Bytes of state per stream, by number of tokens read.
      let stateBytes: [String: Int]
      /// Kind of memory and bytes of state of every block.
      let blocks: [Block]

      /// Configuration of a network of blocks or of a Memformer.
      enum Sizes: Encodable {
        case network(Configuration)
        case memformer(MemformerConfiguration)

        private var value: any Encodable {
          switch self {
          case .network(let configuration): configuration
          case .memformer(let configuration): configuration
          }
        }

        func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

        var json: String {
          switch self {
          case .network(let configuration): configuration.json
          case .memformer(let configuration): configuration.json
          }
        }
      }

      struct Block: Encodable {
        let memory: String
        let stateBytes: [String: Int]

        enum CodingKeys: String, CodingKey {
          case memory
          case stateBytes = "state_bytes"
        }
      }

      enum CodingKeys: String, CodingKey {
        case task, configuration, labels, pooling, nGrams, channels, horizon, normalisation
        case forecaster
        case parameters, blocks
        case isLinear = "linear"
        case stateBytes = "state_bytes"
      }

      init(_ model: AnyModel) {
        switch model {
        case .text(let model):
          self.init(of: model.network, for: model)
        case .memformer(let model):
          self.init(
            of: model.network, for: model, .memformer(model.network.configuration), blocks: [])
        case .classify(let model):
          self.init(of: model.network, for: model)
          (labels, pooling) = (model.labels, model.network.pooling)
          nGrams = model.network.nGrams?.settings
        case .forecast(let model):
          self.init(of: model.network, for: model)
          (channels, horizon) = (model.channels, model.network.horizon)
          normalisation = model.network.normalisation
          (forecaster, isLinear) = (model.network.settings, model.network.isLinear)
        }
      }

      private init<M: StoredModel>(of network: M.N, for model: M) where M.N: Network {
        let trunk = network.trunk
        self.init(
          of: network, for: model, .network(network.configuration),
          blocks: (0..<trunk.layers).map { index in
            Block(
              memory: network.configuration.trunk.memory(ofBlock: index).kind,
              stateBytes: Self.bytes { trunk.stateByteCounts(at: $0)[index] })
          })
      }

      private init<M: StoredModel>(
        of network: M.N, for model: M, _ configuration: Sizes, blocks: [Block]
      ) {
        task = M.task
        self.configuration = configuration
        parameters = network.parameterCount
        stateBytes = Self.bytes(network.stateByteCount)
        self.blocks = blocks
      }

      /// Bytes at the reported lengths.
      private static func bytes(_ count: (Int) -> Int) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: lengths.map { ($0, count($1)) })
      }

      /// Summary as text.
      var lines: [String] {
        var lines = ["task             \(task.rawValue)"]
        if let labels {
          lines.append("classes          \(labels.count): \(labels.joined(separator: ", "))")
        }
        if let pooling { lines.append("pooling          \(pooling.rawValue)") }
        if let nGrams {
          lines.append(
            "n-grams          of 1 to \(nGrams.longest) tokens, \(nGrams.buckets) buckets")
        }
        if let channels {
          lines.append("channels         \(channels.count): \(channels.joined(separator: ", "))")
        }
        if let horizon { lines.append("horizon          \(horizon)") }
        if let forecaster {
          lines.append(
            "lags             \(forecaster.lags), normalisation \(forecaster.normalisation.rawValue)"
              + (forecaster.quantiles.isEmpty ? "" : ", quantiles \(forecaster.quantiles)")
              + (isLinear == true ? "; linear, without the memory" : ""))
        }
        return lines + [
          "configuration    \(configuration.json)",
          "parameters       \(parameters)",
        ]
          + lengths.map { name, _ in
            "state at \(name)      \(stateBytes[name]!) bytes per stream"
          }
          + blocks.enumerated().map { index, block in
            let sizes = lengths.map { name, _ in "\(block.stateBytes[name]!) at \(name)" }
            return "block \(index)          \(block.memory): \(sizes.joined(separator: ", "))"
          }
      }
    }
  }

  func run() throws {
    try machine.run {
      let context = ExecutionContext.current
      let report = Report(
        version: lmnVersion, instructionSet: context.instructionSet.name,
        availableInstructionSets: InstructionSet.available.map(\.name),
        threads: context.threadCount, blas: blasDescription,
        model: try model.map {
          Report.Model(try AnyModel(contentsOf: $0, weights: weights.weights))
        },
        stepBytes: train.isEmpty ? nil : try Train.parse(train).stepByteCount())
      if json { return try Console.write(Console.json(report)) }
      var lines = [
        "version          \(report.version)",
        "instruction set  \(report.instructionSet)"
          + " (available: \(report.availableInstructionSets.joined(separator: ", ")))",
        "threads          \(report.threads)",
        "BLAS             \(report.blas)",
      ]
      lines += report.model?.lines ?? []
      if let bytes = report.stepBytes {
        lines.append("training step    \((Double(bytes) / 0x1p20).fixed(1)) MiB at most")
      }
      try Console.write(lines.joined(separator: "\n") + "\n")
    }
  }
}
