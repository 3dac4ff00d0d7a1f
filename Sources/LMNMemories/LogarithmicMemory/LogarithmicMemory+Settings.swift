public import LMNKernels
public import LMNLayers

extension LogarithmicMemory {
  /// Sizes and kinds of a logarithmic memory.
  public struct Settings: MemorySettings {
    /// `logarithmic`.
    public static let kind = "logarithmic"
    /// H: heads of the attention, a divisor of the width.
    public var heads = 4
    /// K: banks, the number of summaries per node.
    public var banks = 2
    /// Summarizer that computes nodes from their children.
    public var summarizer = SummarizerKind.linear
    /// g: expansion, the slots added to each node beside its children's; 0 for no expander.
    public var expand = 0
    /// r: arity, the children per node.
    public var arity = 2
    /// Nodes that a position attends to.
    public var visibility = TreeShape.Visibility.latest
    /// Whether attention has a learned bias for every level.
    public var levelBias = false
    /// Highest level of the tree; nil for no limit.
    public var maximumLevels: Int?
    /// w: window, the preceding tokens that a position attends to directly.
    public var window = 0
    /// Whether attention has a learned bias for every place of the window.
    public var windowBias = false
    /// p: number of pinned tokens.
    public var pinned = 0

    /// The published memory: two banks, linear summarizer, four heads.
    public init() {}

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] {
      [
        .required("heads", \.heads),
        .required("banks", \.banks),
        .required("summarizer", \.summarizer),
        .optional("expand", \.expand),
        .optional("arity", \.arity),
        .optional("visibility", \.visibility),
        .optional("levelBias", \.levelBias),
        .optional("maximumLevels", \.maximumLevels),
        .optional("window", \.window),
        .optional("windowBias", \.windowBias),
        .optional("pinned", \.pinned),
      ]
    }

    /// Throws unless the settings are valid for a memory of the given width.
    public func validate(width: Int) throws(ConfigurationError) {
      let ranges: [(String, Int?, ClosedRange<Int>)] = [
        ("heads", heads, 1...mostHeads), ("banks", banks, 1...ConfigurationError.largestSize),
        ("expand", expand, 0...64), ("arity", arity, TreeShape.arities),
        ("maximumLevels", maximumLevels, 1...TreeShape.mostLevels), ("window", window, 0...4096),
        ("pinned", pinned, 0...4096),
      ]
      for case (let key, let value?, let range) in ranges where !range.contains(value) {
        throw .outOfRange(key: key, value: value, range: range)
      }
      if levelBias && maximumLevels == nil { throw .levelBiasWithoutMaximumLevels }
      if windowBias && window == 0 { throw .windowBiasWithoutWindow }
      if !width.isMultiple(of: heads) { throw .indivisible(width: width, heads: heads) }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      LogarithmicMemory(width: width, self, using: &source)
    }

    /// Highest level that streams of `length` tokens train completely, at least 1.
    ///
    /// A node of level m is complete after rᵐ tokens, and is replaced by the next one after as many
    /// more. Streams of 2rᵐ − 1 tokens attend to it at each of its ages, that is, beside every
    /// combination of nodes on the levels below; shorter ones do not, and longer streams would then
    /// attend to combinations that no loss has trained.
    public func highestTrainedLevel(byStreamsOf length: Int) -> Int {
      guard TreeShape.arities.contains(arity) else { return 1 }
      var (level, span) = (1, arity)
      while level < TreeShape.mostLevels, span <= (length / 2 + length % 2) / arity {
        (level, span) = (level + 1, span * arity)
      }
      return level
    }

    /// Shape of the tree.
    public var treeShape: TreeShape {
      TreeShape(
        banks: banks, arity: arity, expansion: expand,
        maximumLevels: maximumLevels ?? TreeShape.mostLevels, window: window,
        visibility: visibility)
    }
  }
}
