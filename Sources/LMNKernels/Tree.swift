internal import CLMN

/// The part of a tree of summaries that a stretch of a stream touches.
///
/// Level 0 are the tokens; node j of level i summarizes the r nodes from rj on of level i − 1, once
/// per bank, in a list of 1 + ig slots. The part holds the nodes that its tokens finish and, per
/// level, nodes finished before them, which are *carried* in: those that wait for siblings, at least
/// the newest one, and on level 0 the tokens of the window. A whole sequence is a part with start 0,
/// one step of a stream a part with length 1.
///
/// Tensors of nodes have one row per slot: level 0, then for each bank its levels from 1 up; inside
/// a level by node index, carried nodes first; inside a node by slot.
public struct Tree: Sendable, Hashable {
  /// Tokens of the stream before this part.
  public let start: Int
  /// Tokens in this part, at least 1.
  public let length: Int
  /// What it has in common with the stream's other parts.
  public let shape: TreeShape

  /// The part of `length` tokens that follow the first `start` ones.
  ///
  /// - Precondition: `start` is not negative, `length` is positive.
  public init(start: Int = 0, length: Int, shape: TreeShape) {
    precondition(start >= 0 && length > 0, "Tree: start \(start), length \(length)")
    self.start = start
    self.length = length
    self.shape = shape
  }

  /// The part of a published tree: binary, and of every level the newest node is seen.
  public init(start: Int = 0, length: Int, banks: Int) {
    self.init(start: start, length: length, shape: TreeShape(banks: banks))
  }

  /// The nodes of one level and bank.
  public struct Level: Sendable, Hashable {
    /// The index of the first node, a carried one where there are any.
    public let first: Int
    /// How many of the nodes were finished before this part.
    public let carried: Int
    /// Rows of each node.
    public let slots: Int
    /// The rows of the nodes.
    public let rows: Range<Int>
  }

  /// The highest level that has a node.
  public var levels: Int { lmn_tree_levels(layout) }

  /// All rows.
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

  /// How many rows the carried nodes have.
  package var carriedRowCount: Int {
    let below = level(0)
    let levels = self.levels
    let above = levels > 0 ? (1...levels).reduce(0) { $0 + level($1).carried * level($1).slots } : 0
    return below.carried * below.slots + shape.banks * above
  }

  /// The rows of the nodes that this part finishes, tokens included, in order.
  public var newRows: [Int] {
    eachLevel { nodes, _ in nodes.rows.dropFirst(nodes.carried * nodes.slots) }
  }

  /// The rows of the nodes that the next part carries, in order.
  public var newestRows: [Int] {
    let next = Tree(start: start + length, length: 1, shape: shape).layout
    return eachLevel { nodes, level in
      nodes.rows.suffix(lmn_tree_level_at(next, level).carried * nodes.slots)
    }
  }

  /// Numbers that are equal for two parts exactly when kernels compute the same on both: which nodes
  /// there are, which of them are carried, at which tokens of the part others are finished, and how
  /// attention cuts the part into units.
  package var layoutKey: [Int] {
    // Attention's units begin at multiples of 16, and of the largest power of the arity up to 81.
    var unit = shape.arity
    while unit * shape.arity <= 81 { unit *= shape.arity }
    var key = [length, start % 16, start % unit]
    var span = 1
    for number in 0...levels {
      let nodes = level(number)
      key += [nodes.carried, nodes.rows.count, min(span - start % span, length + 1)]
      // The nodes that wait for siblings are a digit of the position: where others join them, and where
      // positions attend to them, the digit matters beside the number of carried nodes.
      let finishes = nodes.rows.count > nodes.carried * nodes.slots
      if finishes || shape.waits(onLevel: number) { key.append(start / span % shape.arity) }
      span = span > Int.max / shape.arity ? Int.max : span * shape.arity
    }
    return key
  }

  /// Some rows of level 0, then of each bank's levels.
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
