internal import CLMN

/// Settings of a tree of summaries, the same for all of its parts.
public struct TreeShape: Sendable, Hashable {
  /// Number of banks K, summaries of every node; at least 1.
  public let banks: Int
  /// Arity r: children of a node.
  public let arity: Int
  /// Expansion g: slots of a node beyond those of its children.
  public let expansion: Int
  /// Largest number of levels above the tokens.
  public let maximumLevels: Int
  /// Window w: number of tokens before its own that a position sees.
  public let window: Int
  /// Nodes that a position sees.
  public let visibility: Visibility

  /// Nodes that a position sees.
  public enum Visibility: String, Sendable, Codable, CaseIterable {
    /// The newest node of every level.
    case latest
    /// The nodes without their parent yet, on the highest level the newest one. Below the highest
    /// level, every token is in one node at most.
    case disjoint
  }

  /// Valid arities.
  public static let arities = 2...Int(LMN_MOST_ARITY)
  /// Default and upper limit of ``maximumLevels``, more than any stream reaches.
  public static let mostLevels = 47

  /// Creates a shape; the defaults are those of the published tree.
  ///
  /// - Precondition: Every number is in its range.
  public init(
    banks: Int, arity: Int = 2, expansion: Int = 0, maximumLevels: Int = mostLevels,
    window: Int = 0,
    visibility: Visibility = .latest
  ) {
    precondition(
      banks > 0 && Self.arities.contains(arity) && expansion >= 0
        && (1...Self.mostLevels).contains(maximumLevels) && window >= 0,
      "TreeShape: \(banks) banks, arity \(arity), expansion \(expansion), "
        + "maximum levels \(maximumLevels), window \(window)")
    self.banks = banks
    self.arity = arity
    self.expansion = expansion
    self.maximumLevels = maximumLevels
    self.window = window
    self.visibility = visibility
  }

  /// Highest level that has a node after `tokens` tokens; 0 for none.
  func topLevel(after tokens: Int) -> Int {
    var (level, nodes) = (0, tokens / arity)
    while nodes > 0 && level < maximumLevels { (level, nodes) = (level + 1, nodes / arity) }
    return level
  }

  /// Number of slots of a node.
  func slots(onLevel level: Int) -> Int { 1 + level * expansion }

  /// Whether a position sees the nodes of a level without their parent yet, not the newest one.
  func waits(onLevel level: Int) -> Bool { visibility == .disjoint && level < maximumLevels }

  /// Largest number of nodes of a level that a position sees in a bank.
  func places(onLevel level: Int) -> Int {
    waits(onLevel: level) ? arity - 1 : 1
  }

  var layout: lmn_tree_shape {
    lmn_tree_shape(
      banks: banks, arity: arity, expansion: expansion, maximum_levels: maximumLevels,
      window: window,
      disjoint: visibility == .disjoint)
  }
}
