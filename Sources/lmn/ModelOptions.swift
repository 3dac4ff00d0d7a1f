public import ArgumentParser
public import LMN

/// The flags that make a network's configuration, but for its vocabulary.
///
/// All are optional: what is not given comes from the defaults, or from what the flags are added to.
struct ModelOptions: ParsableArguments {
  @Option(help: "Features of a token. (default: 32)")
  var width: Int?
  @Option(help: "Heads of the attention, a divisor of the width. (default: 4)")
  var heads: Int?
  @Option(help: "Blocks. (default: 4)")
  var layers: Int?
  @Option(help: "Summaries of every node of the tree. (default: 2)")
  var banks: Int?
  @Option(help: "How many times wider than a token the feed-forward layer is. (default: 4)")
  var feedForward: Int?
  @Option(help: "What the feed-forward layer does to its inner values. (default: silu)")
  var activation: Activation?
  @Option(help: "What tells a token where it stands, besides the tree. (default: none)")
  var positions: Positions.Kind?
  @Option(help: "How many positions are learned; with --positions learned only.")
  var maximumLength: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "Whether the head takes the table that embeds the tokens. (default: no)")
  var tiedHead: Bool?
  @Option(help: "The share of values that is dropped at random in training. (default: 0)")
  var dropout: Float?
  @OptionGroup(title: "Memory") var memory: MemoryOptions

  /// What is decided when a run begins.
  var settings: [Setting<Configuration>] {
    [
      Setting("--width", width, \.width),
      Setting("--heads", heads, \.heads),
      Setting("--layers", layers, \.layers),
      Setting("--banks", banks, \.banks),
      Setting("--feed-forward", feedForward, \.feedForward),
      Setting("--activation", activation, \.activation),
      Setting("--positions", positions, \.positions),
      Setting("--maximum-length", maximumLength.map(Optional.some), \.maximumLength) {
        $0.map(String.init) ?? "none"
      },
      Setting("--tied-head", tiedHead, \.tiedHead),
      Setting("--dropout", dropout, \.dropout),
    ].compactMap(\.self) + memory.settings
  }
}

extension Activation: ExpressibleByArgument {}
extension Positions.Kind: ExpressibleByArgument {}
