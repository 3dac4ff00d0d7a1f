internal import CLMN

/// The part of a tree of summaries that a stretch of a stream touches.
///
/// Level 0 are the tokens; node j of level i summarizes nodes 2j and 2j + 1 of level i − 1, once per
/// bank. The part holds the nodes that its tokens finish and, per level, the newest node finished
/// before them, which is *carried* in. A whole sequence is a part with start 0, one step of a stream
/// a part with length 1.
///
/// Tensors of nodes have one row per node: level 0, then for each bank its levels from 1 up; inside
/// a level by node index, a carried node first.
public struct Tree: Sendable, Hashable {
  /// Tokens of the stream before this part.
  public let start: Int
  /// Tokens in this part, at least 1.
  public let length: Int
  /// Summaries of every node, at least 1.
  public let banks: Int

  /// The part of `length` tokens that follow the first `start` ones.
  ///
  /// - Precondition: `start` is not negative, `length` and `banks` are positive.
  public init(start: Int = 0, length: Int, banks: Int) {
    precondition(
      start >= 0 && length > 0 && banks > 0,
      "Tree: start \(start), length \(length), banks \(banks)")
    self.start = start
    self.length = length
    self.banks = banks
  }

  /// The nodes of one level and bank.
  public struct Level: Sendable, Hashable {
    /// The index of the first node, the carried one where there is one.
    public let first: Int
    /// Whether the first node was finished before this part.
    public let isCarried: Bool
    /// The rows of the nodes.
    public let rows: Range<Int>
  }

  /// The highest level that has a node: ⌊log₂(start + length)⌋.
  public var levels: Int { lmn_tree_levels(layout) }

  /// All rows.
  public var rowCount: Int { lmn_tree_rows(layout) }

  /// The nodes of `level` in `bank`; level 0 belongs to bank 0.
  public func level(_ level: Int, bank: Int = 0) -> Level {
    precondition(
      (0...levels).contains(level) && (0..<banks).contains(bank),
      "Tree: no level \(level) of bank \(bank) in \(self)")
    let found = lmn_tree_level_at(layout, level)
    let row = found.row + bank * lmn_tree_bank_rows(layout)
    return Level(first: found.first, isCarried: found.carried == 1, rows: row..<row + found.count)
  }

  /// The rows of the tokens.
  public var tokenRows: Range<Int> {
    let tokens = level(0)
    return tokens.rows.upperBound - length..<tokens.rows.upperBound
  }

  /// The rows of the carried nodes, in order.
  public var carriedRows: [Int] { nodes.filter(\.isCarried).map(\.rows.lowerBound) }

  /// The rows of the nodes that this part finishes, tokens included, in order.
  public var newRows: [Int] { nodes.flatMap { $0.rows.dropFirst($0.isCarried ? 1 : 0) } }

  /// The row of the newest node of every level and bank, in order: what the next part carries.
  public var newestRows: [Int] { nodes.compactMap(\.rows.last) }

  /// Level 0, then each bank's levels.
  private var nodes: [Level] {
    let levels = self.levels
    guard levels > 0 else { return [level(0)] }
    return [level(0)] + (0..<banks).flatMap { bank in (1...levels).map { level($0, bank: bank) } }
  }

  var layout: lmn_tree { lmn_tree(start: start, length: length, banks: banks) }
}

extension Tensor {
  /// An array of nodes `[N, E]` with its tokens and carried nodes in place and the others yet to be
  /// written, for `self` of `[L, E]`, the tokens.
  func unfinishedNodes(of tree: Tree, carried: Tensor) -> Tensor {
    let nodes = unfinishedNodes(of: tree)
    nodes.place(carried: carried, of: tree)
    return nodes
  }

  /// The same without the carried nodes.
  func unfinishedNodes(of tree: Tree) -> Tensor {
    precondition(shape[0] == tree.length, "nodes: tokens \(shape) of \(tree)")
    let nodes = Tensor(uninitialized: [tree.rowCount, shape[1]])
    copyRows(into: nodes.rows(tree.tokenRows))
    return nodes
  }

  /// Writes the carried nodes `[C, E]` of a tree into their rows.
  func place(carried: Tensor, of tree: Tree) {
    let rows = tree.carriedRows
    precondition(
      carried.shape == [rows.count, shape[1]], "nodes: carried \(carried.shape) of \(tree)")
    if !rows.isEmpty { carried.copyRows(into: self, at: rows) }
  }
}
