import LMNKernels

/// Parts of streams with various starts and ends.
let trees =
  [
    Tree(length: 1, banks: 1),
    Tree(length: 1, banks: 3),
    Tree(length: 2, banks: 2),
    Tree(length: 3, banks: 1),
    Tree(length: 7, banks: 2),
    Tree(length: 8, banks: 3),
    Tree(length: 13, banks: 1),
    Tree(length: 32, banks: 2),
    Tree(start: 1, length: 1, banks: 2),
    Tree(start: 2, length: 1, banks: 1),
    Tree(start: 7, length: 1, banks: 3),
    Tree(start: 3, length: 2, banks: 3),
    Tree(start: 5, length: 6, banks: 2),
    Tree(start: 8, length: 8, banks: 1),
    Tree(start: 11, length: 21, banks: 2),
  ] + shapedTrees

/// Parts of over 1,000 tokens, with over 512 nodes on level 1: three blocks of 256 rows.
let longTrees = [
  Tree(start: 37, length: 1100, banks: 2),
  Tree(
    length: 1600,
    shape: TreeShape(banks: 1, arity: 3, expansion: 1, maximumLevels: 4, visibility: .disjoint)),
]

/// Parts of trees of other shapes: larger arity, with expansion, with windows, disjoint.
let shapedTrees = [
  TreeShape(banks: 2, arity: 3),
  TreeShape(banks: 1, arity: 4, maximumLevels: 1, window: 3),
  TreeShape(banks: 2, expansion: 1),
  TreeShape(banks: 1, arity: 3, expansion: 2, maximumLevels: 2),
  TreeShape(banks: 2, visibility: .disjoint),
  TreeShape(banks: 2, arity: 5, expansion: 1, window: 2, visibility: .disjoint),
  TreeShape(banks: 1, arity: 4, maximumLevels: 1, visibility: .disjoint),
].flatMap { shape in
  [(0, 11), (7, 1), (14, 13)].map { Tree(start: $0.0, length: $0.1, shape: shape) }
}
