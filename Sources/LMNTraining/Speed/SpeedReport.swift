import LMNKernels
import LMNLayers
import LMNModel

/// Training and inference speed of the published Table 1 network on this machine.
public struct SpeedReport: Sendable, Codable {
  /// Instruction set of the kernels.
  public let instructionSet: String
  /// Number of threads.
  public let threads: Int
  /// Number of parameters.
  public let parameters: Int
  /// Training step on 16 windows of 512 tokens.
  public let training: Speed
  /// Loss of 16 windows of 512 tokens.
  public let evaluation: Speed
  /// Decode step of one stream, about 1,000 tokens from its beginning.
  public let oneStream: Speed
  /// Decode step of 64 streams at the same positions.
  public let streams64: Speed
  /// Peak memory of the process after training, in bytes.
  public let trainingMemory: Int

  /// Speed of a workload.
  public struct Speed: Sendable, Codable {
    /// Median duration of a step.
    public let seconds: Double
    /// Tokens per second at that duration.
    public let tokensPerSecond: Double

    enum CodingKeys: String, CodingKey {
      case seconds
      case tokensPerSecond = "tokens_per_second"
    }

    fileprivate init(of workload: Workload, steps: Int = 1, iterations: Int) {
      let timing = Timing(iterations: iterations, within: 8, of: workload.run)
      seconds = timing.median / Double(steps)
      tokensPerSecond = Double(workload.tokens) / timing.median
    }
  }

  enum CodingKeys: String, CodingKey {
    case threads, parameters, training, evaluation
    case instructionSet = "instruction_set"
    case oneStream = "one_stream"
    case streams64 = "64_streams"
    case trainingMemory = "training_memory_bytes"
  }

  /// Measures all workloads, in less than a minute unless a step takes seconds.
  ///
  /// - Parameter iterations: Most runs per workload, at least 1.
  public init(iterations: Int) {
    let recipe = TrainingConfiguration.table1(vocabularySize: 65)
    var source = ParameterSource(seed: 1)
    // The sizes of the recipe are valid.
    let network = try! LanguageNetwork(recipe.model, using: &source)
    let (batch, length) = (recipe.batchSize, recipe.blockLength)
    func decoding(_ streams: Int) -> Speed {
      Speed(
        of: .decoding(by: network, streams: streams, positions: 512..<2048),
        steps: Workload.stepsOfDecoding, iterations: iterations)
    }

    instructionSet = ExecutionContext.current.instructionSet.name
    threads = ExecutionContext.current.threadCount
    parameters = network.parameterCount
    training = Speed(
      of: .trainingStep(of: network, batch: batch, length: length), iterations: iterations)
    trainingMemory = peakMemoryBytes()
    evaluation = Speed(
      of: .evaluation(of: network, batch: batch, length: length), iterations: iterations)
    oneStream = decoding(1)
    streams64 = decoding(64)
  }
}
