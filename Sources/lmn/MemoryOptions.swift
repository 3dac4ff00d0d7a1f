public import ArgumentParser
public import LMN

/// The flags that say what a token sees of those before it.
struct MemoryOptions: ParsableArguments {
  @Option(help: "How the children of a node become the node. (default: linear)")
  var summarizer: SummarizerKind?
  @Option(help: "How many more slots a node has than its children. (default: 0)")
  var expand: Int?
  @Option(help: "Children of a node. (default: 2)")
  var arity: Int?
  @Option(
    help: """
      Which nodes a token sees: the latest of every level, or disjoint ones, so that each token \
      stands in one of them. (default: latest)
      """)
  var visibility: TreeShape.Visibility?
  @Flag(
    inversion: .prefixedNo,
    help: "Whether attention has a learned bias for every level. (default: no)")
  var levelBias: Bool?
  @Option(help: "The highest level of the tree. (default: as many as there are tokens for)")
  var maximumLevels: Int?
  @Option(help: "How many tokens before its own a token sees as they are. (default: 0)")
  var window: Int?
  @Option(help: "How many tokens stay pinned beside the tree. (default: 0)")
  var pinned: Int?

  /// What is decided when a run begins.
  var settings: [Setting<Configuration>] {
    [
      Setting("--summarizer", summarizer, \.summarizer),
      Setting("--expand", expand, \.expand),
      Setting("--arity", arity, \.arity),
      Setting("--visibility", visibility, \.visibility),
      Setting("--level-bias", levelBias, \.levelBias),
      Setting(
        "--maximum-levels", maximumLevels.map(Optional.some), \.maximumLevels
      ) { $0.map(String.init) ?? "none" },
      Setting("--window", window, \.window),
      Setting("--pinned", pinned, \.pinned),
    ].compactMap(\.self)
  }
}

extension SummarizerKind: ExpressibleByArgument {}
extension TreeShape.Visibility: ExpressibleByArgument {}
