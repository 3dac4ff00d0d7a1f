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
  @Option(
    help: ArgumentHelp(
      "Highest level of the tree, or none for no limit. (default: none; train: the highest level "
        + "that training reaches; table1: none)", valueName: "maximum-levels"))
  var maximumLevels: LevelLimit?
  @Flag(
    inversion: .prefixedNo,
    help: "Learned attention bias per place of the window. (default: no)")
  var windowBias: Bool?
  @Option(help: "Number of pinned tokens. (default: 0)")
  var pinned: Int?

  /// Name of the flag for the highest level.
  static let levelsFlag = "--maximum-levels"

  /// Highest level of a tree, if it is limited.
  struct LevelLimit: ExpressibleByArgument {
    let level: Int?

    init?(argument: String) {
      level = Int(argument)
      if level == nil && argument != "none" { return nil }
    }
  }

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    typealias Memory = LogarithmicMemory.Settings
    return [
      MemorySetting("--banks", banks, .init(\Memory.banks)),
      MemorySetting("--summarizer", summarizer, .init(\Memory.summarizer)),
      MemorySetting("--expand", expand, .init(\Memory.expand)),
      MemorySetting("--arity", arity, .init(\Memory.arity)),
      MemorySetting("--visibility", visibility, .init(\Memory.visibility)),
      MemorySetting("--level-bias", levelBias, .init(\Memory.levelBias)),
      MemorySetting(
        Self.levelsFlag, maximumLevels.map(\.level), .init(optional: \Memory.maximumLevels)),
      MemorySetting("--window-bias", windowBias, .init(\Memory.windowBias)),
      MemorySetting("--pinned", pinned, .init(\Memory.pinned)),
    ].compactMap(\.self)
  }
}

extension SummarizerKind: ExpressibleByArgument {}
extension TreeShape.Visibility: ExpressibleByArgument {}
