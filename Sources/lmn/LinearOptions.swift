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
  var settings: [Setting<Configuration>] {
    [
      Setting("--rule", rule, \.trunk[linear: \.rule]),
      Setting("--key-width", keyWidth, \.trunk[linear: \.keyWidth]),
      Setting("--value-width", valueWidth, \.trunk[linear: \.valueWidth]),
      Setting("--feature-map", featureMap, \.trunk[linear: \.featureMap]),
      Setting("--normalize", normalize, \.trunk[linear: \.normalize]),
      Setting("--convolution", convolution, \.trunk[linear: \.convolution]),
      Setting("--output-gate", outputGate, \.trunk[linear: \.outputGate]),
      Setting("--decay-rank", decayRank, \.trunk[linear: \.decayRank]),
      Setting("--decay-normalizer", decayNormalizer, \.trunk[linear: \.decayNormalizer]),
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
  var settings: [Setting<Configuration>] {
    typealias Memory = MixtureOfMemories.Settings
    return [
      Setting("--memories", memories, \.trunk[each: \Memory.memories]),
      Setting("--top-k", topK, \.trunk[each: \Memory.topK]),
      Setting("--shared", shared, \.trunk[each: \Memory.shared]),
      Setting("--shared-projections", sharedProjections, \.trunk[each: \Memory.sharedProjections]),
    ].compactMap(\.self)
  }
}

extension LinearRule: ExpressibleByArgument {}
extension FeatureMap: ExpressibleByArgument {}
