import CLMN
import LMNKernels
import LMNTestSupport

/// Shapes of trees of all kinds: small and large arity, with expansion, with few levels, with
/// windows, disjoint, and combinations.
let treeShapes: [TreeShape] = [
  TreeShape(banks: 2),
  TreeShape(banks: 2, arity: 3),
  TreeShape(banks: 1, arity: 4, maximumLevels: 2),
  TreeShape(banks: 3, arity: 5),
  TreeShape(banks: 2, arity: 8, window: 5),
  TreeShape(banks: 2, expansion: 1),
  TreeShape(banks: 2, expansion: 2, maximumLevels: 3),
  TreeShape(banks: 2, arity: 3, expansion: 1, maximumLevels: 2, window: 7),
  TreeShape(banks: 1, arity: 4, expansion: 2),
  TreeShape(banks: 2, maximumLevels: 1, window: 1),
  TreeShape(banks: 2, visibility: .disjoint),
  TreeShape(banks: 1, arity: 3, expansion: 1, visibility: .disjoint),
  TreeShape(banks: 2, arity: 4, maximumLevels: 2, visibility: .disjoint),
  TreeShape(banks: 2, arity: 5, expansion: 1, maximumLevels: 1, window: 3, visibility: .disjoint),
  TreeShape(banks: 1, arity: 8, expansion: 2, window: 2, visibility: .disjoint),
  TreeShape(banks: 1, arity: TreeShape.arities.upperBound, visibility: .disjoint),
]

/// Parts of the published tree: whole sequences of 1 to 70 tokens and parts of these lengths with
/// various starts, in one to three banks, and two of around 200 tokens.
let publishedTreeParts: [Tree] = {
  let starts = [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 100]
  let (lengths, banks) = (Array(1...70), [1, 2, 3])
  return combinations(70, of: [0], lengths, banks).map {
    Tree(start: $0.0, length: $0.1, banks: $0.2)
  }
    + combinations(70, of: starts, lengths, banks).map {
      Tree(start: $0.0, length: $0.1, banks: $0.2)
    }
    + [Tree(length: 200, banks: 1), Tree(start: 37, length: 199, banks: 2)]
}()

/// Parts of over 1,000 tokens of trees of several shapes: over 512 families of tokens, which is
/// three blocks of 256 rows and dozens of units, and up to ten levels.
let longTreeParts: [Tree] = [
  Tree(length: 1100, banks: 2),
  Tree(start: 1037, length: 1300, banks: 1),
  Tree(start: 700, length: 1700, shape: TreeShape(banks: 2, arity: 3)),
  Tree(length: 1100, shape: TreeShape(banks: 1, expansion: 1, maximumLevels: 9)),
  Tree(start: 5, length: 1100, shape: TreeShape(banks: 2, window: 3, visibility: .disjoint)),
  Tree(
    length: 1600,
    shape: TreeShape(banks: 1, arity: 3, expansion: 1, maximumLevels: 5, visibility: .disjoint)),
  Tree(start: 11, length: 2200, shape: TreeShape(banks: 1, arity: 4, maximumLevels: 3, window: 7)),
]

/// Parts of trees of all shapes that begin and end around the ends of families.
let shapedTreeParts: [Tree] = treeShapes.flatMap { shape in
  let r = shape.arity
  let parts = [
    (0, 1), (0, r), (0, 37), (1, min(r * r, 30)), (r - 1, 1), (r, 2 * r - 1), (r * r - 1, 2),
    (r * r, 19), (63, 7), (100, 26),
  ]
  return parts.map { Tree(start: $0.0, length: $0.1, shape: shape) }
}

let treeParts = publishedTreeParts + shapedTreeParts

extension TreeShape {
  var layout: lmn_tree_shape {
    lmn_tree_shape(
      banks: banks, arity: arity, expansion: expansion, maximum_levels: maximumLevels,
      window: window,
      disjoint: visibility == .disjoint)
  }

  /// Whether a position sees the nodes of a level without their parent yet, not the newest one.
  func showsWaiting(onLevel level: Int) -> Bool {
    visibility == .disjoint && level < maximumLevels
  }
}

extension Tree {
  var part: lmn_tree { lmn_tree(start: start, length: length, shape: shape.layout) }

  /// Rows written by a summarizer.
  var summaryRows: [Int] {
    let tokens = tokenRows
    return newRows.filter { !tokens.contains($0) }
  }

  /// The levels of all banks, in the order of their rows; level 0 belongs to bank 0.
  var levelsOfBanks: [(level: Int, bank: Int, nodes: Level)] {
    (0..<shape.banks).flatMap { bank in
      (0...levels).filter { bank == 0 || $0 > 0 }.map { ($0, bank, level($0, bank: bank)) }
    }
  }

  /// Number of summaries from inputs to each row: its level, or 0 for a carried node.
  var depths: [Int] {
    levelsOfBanks.flatMap { level, _, nodes in
      let carried = nodes.carried * nodes.slots
      return [Int](repeating: 0, count: carried)
        + [Int](repeating: level, count: nodes.rows.count - carried)
    }
  }

  /// Number of levels above each row.
  var heights: [Int] {
    levelsOfBanks.flatMap { level, _, nodes in
      [Int](repeating: levels - level, count: nodes.rows.count)
    }
  }

  /// Copy of an array of nodes with the rows cleared that a summarizer writes.
  func unsummarized(_ nodes: [Float], width: Int) -> [Float] {
    var nodes = nodes
    for row in summaryRows {
      for index in row * width..<(row + 1) * width { nodes[index] = .nan }
    }
    return nodes
  }
}
