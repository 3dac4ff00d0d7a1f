import LMNKernels
import LMNLayers
import LMNModel

/// How fast this machine trains and runs the network of the published Table 1.
public struct SpeedReport: Sendable, Codable {
  /// The name of the kernels.
  public let instructionSet: String
  /// Threads that were used.
  public let threads: Int
  /// Numbers in the network's parameters.
  public let parameters: Int
  /// A step on 16 windows of 512 tokens.
  public let training: Speed
  /// The loss of as many tokens.
  public let evaluation: Speed
  /// The next token of a stream, about 1,000 tokens from its beginning.
  public let oneStream: Speed
  /// The next token of each of 64 such streams.
  public let streams64: Speed
  /// The most memory, in bytes, that the process had held when it had trained.
  public let trainingMemory: Int

  /// How fast a work is done.
  public struct Speed: Sendable, Codable {
    /// Median time of a step.
    public let seconds: Double
    /// At that pace.
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

  /// Measures, in less than a minute unless a step takes seconds.
  ///
  /// - Parameter iterations: Runs of each work at most, at least 1.
  public init(iterations: Int) {
    let recipe = TrainingConfiguration.table1(vocabularySize: 65)
    var source = ParameterSource(seed: 1)
    // These sizes are ones that a network can have.
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
