public import ArgumentParser
public import LMN

/// Flags of causal attention.
struct AttentionOptions: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: "Queries and keys rotated by their positions. (default: no)")
  var rotary: Bool?
  @Option(help: "Base of the rotary frequencies. (default: 10000)")
  var rotaryBase: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Biases of the projections to query, key and value. (default: yes; gpt2-table1: no)")
  var bias: Bool?
  @Option(
    help: """
      Scale of the scores: one over the root of the width of a head, or of a token. (default: head; \
      gpt2-table1: width)
      """)
  var scale: CausalAttention.Settings.Scale?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    typealias Memory = CausalAttention.Settings
    return [
      MemorySetting("--rotary", rotary, .init(\Memory.rotary)),
      MemorySetting("--rotary-base", rotaryBase, .init(\Memory.rotaryBase)),
      MemorySetting("--bias", bias, .init(\Memory.bias)),
      MemorySetting("--scale", scale, .init(\Memory.scale)),
    ].compactMap(\.self)
  }
}

extension CausalAttention.Settings.Scale: ExpressibleByArgument {}
