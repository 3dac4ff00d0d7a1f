public import LMNKernels
public import LMNLayers

extension LogarithmicMemory {
  /// Sizes and kinds of a logarithmic memory.
  public struct Settings: MemorySettings {
    /// `logarithmic`.
    public static let kind = "logarithmic"
    /// H: heads of the attention, a divisor of the width.
    public var heads = 4
    /// K: summaries of every node.
    public var banks = 2
    /// Summarizer that makes nodes of their children.
    public var summarizer = SummarizerKind.linear
    /// g: slots that a node has more than its children; 0 without an expander.
    public var expand = 0
    /// r: children of a node.
    public var arity = 2
    /// Nodes that a position attends to.
    public var visibility = TreeShape.Visibility.latest
    /// Whether attention has a learned bias for every level.
    public var levelBias = false
    /// Highest level of the tree; nil for as many levels as there are tokens for.
    public var maximumLevels: Int?
    /// w: tokens before its own that a position attends to directly.
    public var window = 0
    /// p: tokens that stay pinned beside the tree.
    public var pinned = 0

    /// The published memory: two banks of affine summaries, four heads.
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
        .optional("pinned", \.pinned),
      ]
    }

    /// Throws unless a memory of the given width can have these sizes.
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
      if !width.isMultiple(of: heads) { throw .indivisible(width: width, heads: heads) }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      LogarithmicMemory(width: width, self, using: &source)
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
