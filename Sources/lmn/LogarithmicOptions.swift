public import ArgumentParser
public import LMN

/// Flags of logarithmic memories.
struct LogarithmicOptions: ParsableArguments {
  @Option(help: "Banks: summaries per node of the tree. (default: 2)")
  var banks: Int?
  @Option(help: "Summarizer: computes nodes from their children. (default: linear)")
  var summarizer: SummarizerKind?
  @Option(help: "Expansion: slots added to each node beside its children's. (default: 0)")
  var expand: Int?
  @Option(help: "Arity: children per node. (default: 2)")
  var arity: Int?
  @Option(
    help: """
      Nodes that a token attends to: the latest of each level, or disjoint ones, which together \
      contain each token once. (default: latest)
      """)
  var visibility: TreeShape.Visibility?
  @Flag(
    inversion: .prefixedNo,
    help: "Learned attention bias per level. (default: no)")
  var levelBias: Bool?
  @Option(help: "Highest level of the tree. (default: no limit)")
  var maximumLevels: Int?
  @Option(help: "Window: preceding tokens that a token attends to directly. (default: 0)")
  var window: Int?
  @Option(help: "Number of pinned tokens. (default: 0)")
  var pinned: Int?

  /// Settings of the given flags; fixed for a run.
  var settings: [Setting<Configuration>] {
    typealias Memory = LogarithmicMemory.Settings
    return [
      Setting("--banks", banks, \.trunk[each: \Memory.banks]),
      Setting("--summarizer", summarizer, \.trunk[each: \Memory.summarizer]),
      Setting("--expand", expand, \.trunk[each: \Memory.expand]),
      Setting("--arity", arity, \.trunk[each: \Memory.arity]),
      Setting("--visibility", visibility, \.trunk[each: \Memory.visibility]),
      Setting("--level-bias", levelBias, \.trunk[each: \Memory.levelBias]),
      Setting(
        "--maximum-levels", maximumLevels.map(Optional.some), \.trunk[each: \Memory.maximumLevels]
      ) { $0.map(String.init) ?? "none" },
      Setting("--window", window, \.trunk[each: \Memory.window]),
      Setting("--pinned", pinned, \.trunk[each: \Memory.pinned]),
    ].compactMap(\.self)
  }
}

extension SummarizerKind: ExpressibleByArgument {}
extension TreeShape.Visibility: ExpressibleByArgument {}
