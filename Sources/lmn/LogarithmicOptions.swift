public import ArgumentParser
public import LMN

/// Flags of logarithmic memories.
struct LogarithmicOptions: ParsableArguments {
  @Option(help: "Heads of the attention, a divisor of the width. (default: 4)")
  var heads: Int?
  @Option(help: "Summaries of every node of the tree. (default: 2)")
  var banks: Int?
  @Option(help: "Summarizer that makes nodes of their children. (default: linear)")
  var summarizer: SummarizerKind?
  @Option(help: "Slots that a node has more than its children. (default: 0)")
  var expand: Int?
  @Option(help: "Children of a node. (default: 2)")
  var arity: Int?
  @Option(
    help: """
      Nodes that a token attends to: the latest of every level, or disjoint ones, so that each token \
      stands in one of them. (default: latest)
      """)
  var visibility: TreeShape.Visibility?
  @Flag(
    inversion: .prefixedNo,
    help: "Whether attention has a learned bias for every level. (default: no)")
  var levelBias: Bool?
  @Option(help: "Highest level of the tree. (default: as many as there are tokens for)")
  var maximumLevels: Int?
  @Option(help: "Tokens before its own that a token attends to directly. (default: 0)")
  var window: Int?
  @Option(help: "Tokens that stay pinned beside the tree. (default: 0)")
  var pinned: Int?

  /// The flags that were given, fixed for a run.
  var settings: [Setting<Configuration>] {
    typealias Memory = LogarithmicMemory.Settings
    return [
      Setting("--heads", heads, \.[each: \Memory.heads]),
      Setting("--banks", banks, \.[each: \Memory.banks]),
      Setting("--summarizer", summarizer, \.[each: \Memory.summarizer]),
      Setting("--expand", expand, \.[each: \Memory.expand]),
      Setting("--arity", arity, \.[each: \Memory.arity]),
      Setting("--visibility", visibility, \.[each: \Memory.visibility]),
      Setting("--level-bias", levelBias, \.[each: \Memory.levelBias]),
      Setting(
        "--maximum-levels", maximumLevels.map(Optional.some), \.[each: \Memory.maximumLevels]
      ) { $0.map(String.init) ?? "none" },
      Setting("--window", window, \.[each: \Memory.window]),
      Setting("--pinned", pinned, \.[each: \Memory.pinned]),
    ].compactMap(\.self)
  }
}

extension SummarizerKind: ExpressibleByArgument {}
extension TreeShape.Visibility: ExpressibleByArgument {}
