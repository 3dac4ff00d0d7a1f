internal import CLMN

/// Part of a tree of summaries that belongs to consecutive tokens of a stream.
///
/// Level 0 are the tokens. Node j of level i summarizes nodes rj to rj + r − 1 of level i − 1, once
/// per bank. A node of level i has 1 + ig vectors, its slots. The part has the nodes that its
/// tokens complete and, per level, *carried* nodes, which were completed before: those without
/// their parent yet, and at least the newest one; on level 0 also the tokens of the window. A whole
/// sequence is a part with start 0, a decode step a part with length 1.
///
/// Tensors of nodes have one row per slot: level 0, then for each bank its levels from 1 up; in a
/// level by node index, carried nodes first; in a node by slot.
public struct Tree: Sendable, Hashable {
  /// Number of tokens of the stream before this part.
  public let start: Int
  /// Number of tokens L of this part, at least 1.
  public let length: Int
  /// Settings of the tree, the same for all parts of the stream.
  public let shape: TreeShape

  /// Creates the part of the `length` tokens that follow the first `start` ones.
  ///
  /// - Precondition: `start` is not negative, `length` is positive.
  public init(start: Int = 0, length: Int, shape: TreeShape) {
    precondition(start >= 0 && length > 0, "Tree: start \(start), length \(length)")
    self.start = start
    self.length = length
    self.shape = shape
  }

  /// Creates a part of a tree as published: binary, with the newest node of every level visible.
  public init(start: Int = 0, length: Int, banks: Int) {
    self.init(start: start, length: length, shape: TreeShape(banks: banks))
  }

  /// The nodes of one level and bank.
  public struct Level: Sendable, Hashable {
    /// Index of the first node, carried ones included.
    public let first: Int
    /// Number of nodes completed before the part.
    public let carried: Int
    /// Number of rows of each node.
    public let slots: Int
    /// Rows of the nodes.
    public let rows: Range<Int>
  }

  /// The highest level that has a node.
  public var levels: Int { lmn_tree_levels(layout) }

  /// Number of rows, N.
  public var rowCount: Int { lmn_tree_rows(layout) }

  /// The nodes of `level` in `bank`; level 0 belongs to bank 0.
  public func level(_ level: Int, bank: Int = 0) -> Level {
    precondition(
      (0...levels).contains(level) && (0..<shape.banks).contains(bank),
      "Tree: no level \(level) of bank \(bank) in \(self)")
    let found = lmn_tree_level_at(layout, level)
    let row = found.row + bank * lmn_tree_bank_rows(layout)
    return Level(
      first: found.first, carried: found.carried, slots: found.slots,
      rows: row..<row + found.count * found.slots)
  }

  /// The rows of the tokens.
  public var tokenRows: Range<Int> {
    let tokens = level(0)
    return tokens.rows.upperBound - length..<tokens.rows.upperBound
  }

  /// The rows of the carried nodes, in order.
  public var carriedRows: [Int] {
    eachLevel { nodes, _ in nodes.rows.prefix(nodes.carried * nodes.slots) }
  }

  /// Number of rows of the carried nodes, C.
  package var carriedRowCount: Int {
    let below = level(0)
    let levels = self.levels
    let above = levels > 0 ? (1...levels).reduce(0) { $0 + level($1).carried * level($1).slots } : 0
    return below.carried * below.slots + shape.banks * above
  }

  /// Rows of the nodes that this part completes, tokens included, in order.
  public var newRows: [Int] {
    eachLevel { nodes, _ in nodes.rows.dropFirst(nodes.carried * nodes.slots) }
  }

  /// Rows of the nodes that the next part carries, in order.
  public var newestRows: [Int] {
    let next = Tree(start: start + length, length: 1, shape: shape).layout
    return eachLevel { nodes, level in
      nodes.rows.suffix(lmn_tree_level_at(next, level).carried * nodes.slots)
    }
  }

  /// Key that is equal for two parts only if kernels compute the same on both.
  ///
  /// It covers the nodes, the carried ones, the positions at which nodes are completed, and the
  /// units of attention.
  package var layoutKey: [Int] {
    // Units of attention begin at multiples of 16, and of the largest power of the arity up to 81.
    var unit = shape.arity
    while unit * shape.arity <= 81 { unit *= shape.arity }
    var key = [length, start % 16, start % unit]
    var span = 1
    for number in 0...levels {
      let nodes = level(number)
      key += [nodes.carried, nodes.rows.count]
      // The number of nodes without their parent yet is a digit of the position. The digits of all
      // levels with completed nodes give the tokens that complete them. Elsewhere it matters where
      // positions attend to those nodes.
      let completes = nodes.rows.count > nodes.carried * nodes.slots
      if completes || shape.waits(onLevel: number) { key.append(start / span % shape.arity) }
      span = span > Int.max / shape.arity ? Int.max : span * shape.arity
    }
    return key
  }

  /// Concatenation of `rows` of level 0, then of the levels of each bank.
  private func eachLevel(_ rows: (Level, _ level: Int) -> Range<Int>) -> [Int] {
    let levels = self.levels
    guard levels > 0 else { return Array(rows(level(0), 0)) }
    return rows(level(0), 0)
      + (0..<shape.banks).flatMap { bank in
        (1...levels).flatMap { rows(level($0, bank: bank), $0) }
      }
  }

  var layout: lmn_tree { lmn_tree(start: start, length: length, shape: shape.layout) }
}

extension Tensor {
  /// Array of nodes `[N, E]` in which tokens and carried nodes are written and the others are not;
  /// `self` are the tokens, `[L, E]`.
  func unfinishedNodes(of tree: Tree, carried: Tensor) -> Tensor {
    let nodes = unfinishedNodes(of: tree)
    nodes.place(carried: carried, of: tree)
    return nodes
  }

  /// Array of nodes `[N, E]` in which only the tokens are written; `self` are the tokens, `[L, E]`.
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
