internal import CLMN

/// What all parts of a tree of summaries have in common.
public struct TreeShape: Sendable, Hashable {
  /// K: summaries of every node, at least 1.
  public let banks: Int
  /// r: children of a node.
  public let arity: Int
  /// g: how many more slots a node has than its children.
  public let expansion: Int
  /// No level is above this one.
  public let maximumLevels: Int
  /// How many tokens before its own a position sees as they are.
  public let window: Int
  /// Which nodes a position sees.
  public let visibility: Visibility

  /// Which nodes a position sees.
  public enum Visibility: String, Sendable, Codable, CaseIterable {
    /// The newest node of every level.
    case latest
    /// The nodes that wait for siblings, on the highest level the newest one: below it no token
    /// stands in two of them.
    case disjoint
  }

  /// The arities that there are.
  public static let arities = 2...Int(LMN_MOST_ARITY)
  /// The levels that a tree without another limit has: more than the tokens that anyone will read.
  public static let mostLevels = 47

  /// A shape; without more than banks, that of the published tree.
  ///
  /// - Precondition: Every number is one that a tree can have.
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

  /// The highest level that has a node after so many tokens; 0 before the first.
  func topLevel(after tokens: Int) -> Int {
    var (level, nodes) = (0, tokens / arity)
    while nodes > 0 && level < maximumLevels { (level, nodes) = (level + 1, nodes / arity) }
    return level
  }

  /// The slots of a node.
  func slots(onLevel level: Int) -> Int { 1 + level * expansion }

  /// Whether a position sees the nodes of a level that wait for siblings, not the newest one.
  func waits(onLevel level: Int) -> Bool { visibility == .disjoint && level < maximumLevels }

  /// How many nodes of a level a position may see at once in a bank.
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
