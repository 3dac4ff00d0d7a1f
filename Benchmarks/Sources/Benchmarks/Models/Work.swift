import LMN

/// Model benchmark: a configuration, a kind of step and its positions.
///
/// Benchmarks whose ids are in `Peers/works.py` are also run by the PyTorch peers; both definitions
/// must be the same.
struct Work: ProcessBenchmark {
  enum Kind {
    /// Training step: forward, backward, AdamW.
    case training
    /// Mean loss of a batch.
    case evaluation
    /// Decode step of every stream.
    case decoding
    /// Forward pass of one block.
    case layer
  }

  let id, title: String
  let kind: Kind
  let configuration: Configuration
  /// Number of batch items or streams.
  let batch: Int
  /// Positions of the tokens.
  let positions: Range<Int>
  /// Numbers of threads for which the benchmark is of interest.
  let threads: ClosedRange<Int>

  /// Number of tokens of one step.
  var tokensPerStep: Int { kind == .decoding ? batch : batch * positions.count }

  init(
    _ id: String, _ title: String, _ kind: Kind, _ configuration: Configuration, batch: Int = 1,
    _ positions: Range<Int>, threads: ClosedRange<Int> = 2...Int.max
  ) {
    (self.id, self.title, self.kind) = (id, title, kind)
    self.configuration = configuration
    (self.batch, self.positions, self.threads) = (batch, positions, threads)
  }

  /// All model benchmarks.
  static let all = shared + unshared

  private static let shared = [
    Work(
      "training-71k", "training step, 71,489 parameters, B 16, L 512", .training, small,
      batch: 16, 0..<512, threads: 1...Int.max),
    Work(
      "training-256", "training step, E 256, 6 layers, 2 banks, B 4, L 512", .training, wide(2),
      batch: 4, 0..<512),
    Work(
      "training-256-long", "training step, E 256, 6 layers, 4 banks, B 4, L 4,096", .training,
      wide(4), batch: 4, 0..<4096),
    Work(
      "training-71k-long", "training step, 71,489 parameters, B 2, L 65,536", .training, small,
      batch: 2, 0..<65_536),
    Work(
      "decode-71k", "decoding, 71,489 parameters, one stream", .decoding, small, 512..<2048,
      threads: 1...Int.max),
    Work(
      "decode-71k-64", "decoding, 71,489 parameters, 64 streams in lock-step", .decoding, small,
      batch: 64, 512..<2048, threads: 1...Int.max),
    Work(
      "decode-256", "decoding, E 256, 6 layers, 2 banks, one stream", .decoding, wide(2),
      512..<2048, threads: 1...Int.max),
    Work("layer-32k", "one layer forward, E 32, 2 banks, L 32,768", .layer, layer, 0..<32_768),
    Work(
      "layer-1m", "one layer forward, E 32, 2 banks, L 1,048,576", .layer, layer, 0..<1_048_576),
    Work(
      "training-256-linear", "training step, gated delta rule, E 256, 1 layer, B 4, L 2,048",
      .training, one(LinearMemory.Settings(headWidth: 64)), batch: 4, 0..<2048,
      threads: 1...Int.max),
    Work(
      "training-256-mixture",
      "training step, 2 of 4 memories and a shared one, gated delta rule, E 256, 1 layer, B 4, "
        + "L 2,048",
      .training, one(MixtureOfMemories.Settings(headWidth: 64)), batch: 4, 0..<2048,
      threads: 1...Int.max),
    Work(
      "training-256-attention", "training step, attention, E 256, 1 layer, B 4, L 2,048", .training,
      one(CausalAttention.Settings()), batch: 4, 0..<2048, threads: 1...Int.max),
    Work(
      "decode-256-attention",
      "decoding, attention, E 256, 1 layer, one stream from position 2,048", .decoding,
      one(CausalAttention.Settings()), 2048..<2560, threads: 1...Int.max),
    Work(
      "training-256-slots",
      "training step, 16 slots, segments of 64, E 256, 1 layer, B 4, L 2,048", .training,
      one(SlotMemory.Settings()), batch: 4, 0..<2048, threads: 1...Int.max),
    Work(
      "decode-256-slots", "decoding, 16 slots, segments of 64, E 256, 1 layer, one stream",
      .decoding, one(SlotMemory.Settings()), 1024..<2048, threads: 1...Int.max),
    Work(
      "decode-32-linear", "decoding, gated delta rule, E 32, 4 layers, one stream", .decoding,
      small(LinearMemory.Settings(headWidth: 8)), 1024..<2048, threads: 1...1),
    Work(
      "decode-32-mixture",
      "decoding, 2 of 4 memories and a shared one, gated delta rule, E 32, 4 layers, one stream",
      .decoding, small(MixtureOfMemories.Settings(headWidth: 8)), 1024..<2048, threads: 1...1),
  ]

  private static let unshared =
    [
      Work(
        "evaluation-71k", "forward and loss, 71,489 parameters, B 16, L 512", .evaluation, small,
        batch: 16, 0..<512)
    ]
    + [("1,024", 1 << 10), ("16,384", 1 << 14), ("262,144", 1 << 18), ("1,048,576", 1 << 20)].map {
      (name, position) in
      Work(
        "decode-71k-at-\(position)",
        "decoding, 71,489 parameters, one stream from position \(name)",
        .decoding, small, position..<position + 1536, threads: 1...1)
    }
    + bounded

  /// Decoding at an early and at a late position, for memories whose state has a fixed size.
  private static let bounded: [Work] = boundedMemories.flatMap { memory, settings in
    [1 << 10, 1 << 20].map { (position: Int) -> Work in
      Work(
        "decode-32-\(memory)-at-\(position)",
        "decoding, \(memory), E 32, 4 layers, one stream from position \(position)", .decoding,
        small(settings), position..<position + 1024, threads: 1...1)
    }
  }

  /// Memories whose state has a fixed size.
  private static let boundedMemories: [(name: String, settings: any MemorySettings)] = [
    ("linear", LinearMemory.Settings(headWidth: 8)),
    ("mixture", MixtureOfMemories.Settings(headWidth: 8)),
    ("stateSpace", DiagonalStateSpace.Settings()),
    ("slots", SlotMemory.Settings()),
  ]

  /// Configuration with 71,489 parameters.
  private static let small = Configuration(vocabularySize: 65)

  private static var layer: Configuration {
    var configuration = small
    configuration.layers = 1
    return configuration
  }

  /// Four layers of width 32 with this memory.
  static func small(_ memory: any MemorySettings) -> Configuration {
    var configuration = small
    configuration.memories = [MemoryConfiguration(memory)]
    return configuration
  }

  /// A layer of width 256 with this memory.
  private static func one(_ memory: any MemorySettings) -> Configuration {
    var configuration = Configuration(vocabularySize: 256)
    (configuration.width, configuration.layers) = (256, 1)
    configuration.memories = [MemoryConfiguration(memory)]
    return configuration
  }

  private static func wide(_ banks: Int) -> Configuration {
    var configuration = Configuration(vocabularySize: 256)
    (configuration.width, configuration.layers) = (256, 6)
    (configuration.logarithmic.heads, configuration.logarithmic.banks) = (8, banks)
    return configuration
  }
}

extension Work {
  /// The network, with the same parameters at every call.
  func network() throws -> LanguageNetwork {
    var generator = SeededGenerator(seed: 1)
    return try generator.drawing { try LanguageNetwork(configuration, using: &$0) }
  }

  /// Prepares the benchmark to be timed in the current context.
  func workload() throws -> Workload {
    let network = try network()
    switch kind {
    case .training:
      return .trainingStep(of: network, batch: batch, length: positions.count)
    case .evaluation:
      return .evaluation(of: network, batch: batch, length: positions.count)
    case .decoding:
      return .decoding(by: network, streams: batch, positions: positions)
    case .layer:
      var generator = SeededGenerator(seed: 1)
      return .layer(
        network.trunk.blocks[0], width: configuration.width, length: positions.count,
        using: &generator)
    }
  }

  /// Number of steps of one run of the workload.
  var stepsPerRun: Int { kind == .decoding ? Workload.stepsOfDecoding : 1 }
}

extension Workload {
  fileprivate static func layer(
    _ block: Block, width: Int, length: Int, using generator: inout SeededGenerator
  ) -> Workload {
    let x = Tensor(shape: [length, width]) { base in
      for index in 0..<length * width {
        base[index] = generator.uniform(in: -1..<1)
      }
    }
    return Workload(tokens: length) {
      var state = block.memory.initialState
      return ContinuousClock().measure { _ = block.read(x, after: &state) } / .seconds(1)
    }
  }
}

extension LinearMemory.Settings {
  /// Four heads with the gated delta rule.
  fileprivate init(headWidth: Int) {
    self.init()
    (keyWidth, valueWidth) = (headWidth, headWidth)
  }
}

extension MixtureOfMemories.Settings {
  /// Two of four memories and a shared one, with the gated delta rule.
  init(headWidth: Int) {
    self.init()
    linear = LinearMemory.Settings(headWidth: headWidth)
  }
}
