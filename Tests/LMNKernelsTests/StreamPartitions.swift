import LMNKernels
import LMNTestSupport
import Testing

/// Streams cut into parts: the lengths of the parts.
let streamPartitions: [[Int]] = [
  [Int](repeating: 1, count: 20), [7, 9, 1, 16, 30], [32, 32, 1], [33, 31], [1, 62, 3],
  [5, 70, 25],
]

/// Lengths of parts of a stream of over 1,000 tokens, cut near the first nodes of levels 9 and 10.
let longPartition = [511, 1, 300, 213, 86]

/// The nodes of one part of a stream.
struct StreamedTree {
  let tree: Tree
  let nodes: Tensor

  /// Consecutive parts of the given lengths, as computed by `summarize` from their tokens and the
  /// nodes carried from the previous part.
  static func parts(
    _ lengths: [Int], of tokens: Tensor, shape: TreeShape,
    summarize: (_ tokens: Tensor, Tree, _ carried: Tensor) -> Tensor
  ) -> [StreamedTree] {
    var parts: [StreamedTree] = []
    var carried = Tensor(shape: [0, tokens.shape[1]], scalars: [])
    var start = 0
    for length in lengths {
      let tree = Tree(start: start, length: length, shape: shape)
      let nodes = summarize(tokens.rows(start..<start + length), tree, carried)
      parts.append(StreamedTree(tree: tree, nodes: nodes))
      carried = parts.last!.nodes.rows(at: tree.newestRows)
      start += length
    }
    return parts
  }

  /// `count` nodes of `level` and `bank`, from index `first` on.
  func nodes(from first: Int, count: Int, level: Int, bank: Int) -> Tensor {
    let nodes = tree.level(level, bank: bank)
    let row = nodes.rows.lowerBound + (first - nodes.first) * nodes.slots
    return self.nodes.rows(row..<row + count * nodes.slots)
  }
}

/// A summary with random parameters that keep nodes of order one.
struct RandomSummary {
  let summary: Summary
  let expansion: Expansion?

  /// Affine maps of one or all banks' children, or separable convolutions.
  enum Kind: CaseIterable {
    case affine, affineOfAllBanks, separable
  }

  init(_ kind: Kind, of shape: TreeShape, width: Int, seed: UInt64 = 1) {
    var values = SeededValues(seed: seed)
    func random(_ shape: Int..., terms: Int) -> Tensor {
      .random(shape, using: &values).scaled(by: 1 / Float(terms).squareRoot())
    }
    let (banks, arity, bias) = (shape.banks, shape.arity, random(shape.banks, width, terms: 4))
    let sources = kind == .affineOfAllBanks ? banks : 1
    summary =
      kind == .separable
      ? .separable(
        taps: random(banks, arity + 1, width, terms: arity),
        pointwise: random(banks, width, width, terms: width), bias: bias)
      : .affine(
        weight: random(
          banks * sources, arity * width, width, terms: sources * arity * width), bias: bias)
    expansion =
      shape.expansion > 0
      ? Expansion(
        weight: random(1 + shape.expansion, width, width, terms: (1 + shape.expansion) * width),
        bias: random(width, terms: 4)) : nil
  }

  func nodes(of tree: Tree, tokens: Tensor, carried: Tensor) -> Tensor {
    summary.nodes(of: tree, tokens: tokens, carried: carried, expansion: expansion).nodes
  }
}

/// Expects every node of every part to have the bits that it has in the whole.
func expectPartsToEqualTheWhole(
  _ lengths: [Int], shape: TreeShape, width: Int, on instructionSet: InstructionSet,
  sourceLocation: SourceLocation = #_sourceLocation,
  summarize: (_ tokens: Tensor, Tree, _ carried: Tensor) -> Tensor
) {
  let length = lengths.reduce(0, +)
  var values = SeededValues(seed: 2)
  let tokens = Tensor(shape: [length, width], scalars: values.floats(length * width))
  computing(on: instructionSet) {
    let whole = StreamedTree.parts([length], of: tokens, shape: shape, summarize: summarize)[0]
    for part in StreamedTree.parts(lengths, of: tokens, shape: shape, summarize: summarize) {
      for (level, bank, nodes) in part.tree.levelsOfBanks {
        let count = nodes.rows.count / nodes.slots
        let found = part.nodes(from: nodes.first, count: count, level: level, bank: bank)
        let expected = whole.nodes(from: nodes.first, count: count, level: level, bank: bank)
        #expect(
          found == expected, "level \(level), bank \(bank), in \(part.tree)",
          sourceLocation: sourceLocation)
      }
    }
  }
}
