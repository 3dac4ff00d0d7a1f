public import ArgumentParser
public import LMN

/// Flags of linear-attention memories, alone or in a mixture.
struct LinearOptions: ParsableArguments {
  @Option(
    help: """
      Update of the state by a token: linear attention, with a decay per row, the delta rule, or \
      the delta rule with a decay. (default: gatedDelta)
      """)
  var rule: LinearRule?
  @Option(help: "Width of queries and keys of a head. (default: the width divided by the heads)")
  var keyWidth: Int?
  @Option(help: "Width of the values of a head. (default: the width divided by the heads)")
  var valueWidth: Int?
  @Option(help: "Map of queries and keys. (default: identity)")
  var featureMap: FeatureMap?
  @Flag(
    inversion: .prefixedNo, help: "Queries and keys divided by their L2 norm. (default: yes)")
  var normalize: Bool?
  @Option(help: "Taps of the short convolution of queries, keys and values; 0: none. (default: 4)")
  var convolution: Int?
  @Flag(inversion: .prefixedNo, help: "Output multiplied by a gate. (default: yes)")
  var outputGate: Bool?
  @Option(help: "Inner width of the map that gives the decays of gatedLinear. (default: 16)")
  var decayRank: Int?
  @Option(help: "Divisor of the log-decays of gatedLinear. (default: 16)")
  var decayNormalizer: Float?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    [
      MemorySetting("--rule", rule, linear: \.rule),
      MemorySetting("--key-width", keyWidth, linear: \.keyWidth),
      MemorySetting("--value-width", valueWidth, linear: \.valueWidth),
      MemorySetting("--feature-map", featureMap, linear: \.featureMap),
      MemorySetting("--normalize", normalize, linear: \.normalize),
      MemorySetting("--convolution", convolution, linear: \.convolution),
      MemorySetting("--output-gate", outputGate, linear: \.outputGate),
      MemorySetting("--decay-rank", decayRank, linear: \.decayRank),
      MemorySetting("--decay-normalizer", decayNormalizer, linear: \.decayNormalizer),
    ].compactMap(\.self)
  }
}

/// Flags of mixtures of memories.
struct MixtureOptions: ParsableArguments {
  @Option(help: "Memories that the router chooses from. (default: 4)")
  var memories: Int?
  @Option(help: "Memories that a token is routed to. (default: 2)")
  var topK: Int?
  @Flag(inversion: .prefixedNo, help: "One more memory that receives every token. (default: yes)")
  var shared: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Projections of keys, values and decays shared by all memories. (default: no)")
  var sharedProjections: Bool?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    typealias Memory = MixtureOfMemories.Settings
    return [
      MemorySetting("--memories", memories, .init(\Memory.memories)),
      MemorySetting("--top-k", topK, .init(\Memory.topK)),
      MemorySetting("--shared", shared, .init(\Memory.shared)),
      MemorySetting("--shared-projections", sharedProjections, .init(\Memory.sharedProjections)),
    ].compactMap(\.self)
  }
}

extension MemorySetting {
  /// The setting of a flag of linear-attention memories, alone or in a mixture.
  fileprivate init?<Value>(
    _ flag: String, _ value: Value?,
    linear field: WritableKeyPath<LinearMemory.Settings, Value>
  ) {
    self.init(flag, value, .init(field), .init(field.ofMixture))
  }
}

extension WritableKeyPath where Root == LinearMemory.Settings {
  /// The same setting of the memories of a mixture.
  var ofMixture: WritableKeyPath<MixtureOfMemories.Settings, Value> {
    let part: WritableKeyPath<MixtureOfMemories.Settings, LinearMemory.Settings> = \.linear
    return part.appending(path: self)
  }
}

extension LinearRule: ExpressibleByArgument {}
extension FeatureMap: ExpressibleByArgument {}
