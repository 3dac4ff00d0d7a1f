import LMNKernels
import LMNTestSupport
import Testing

/// Streams cut into parts: lengths one after the other.
let streamPartitions: [[Int]] = [
  [Int](repeating: 1, count: 20), [7, 9, 1, 16, 30], [32, 32, 1], [33, 31], [1, 62, 3],
  [5, 70, 25],
]

/// The nodes of one part of a stream.
struct StreamedTree {
  let tree: Tree
  let nodes: Tensor

  /// Parts of the given lengths, one after the other, as `summarize` makes them from their tokens
  /// and what the part before carries on.
  static func parts(
    _ lengths: [Int], of tokens: Tensor, banks: Int,
    summarize: (_ tokens: Tensor, Tree, _ carried: Tensor) -> Tensor
  ) -> [StreamedTree] {
    var parts: [StreamedTree] = []
    var carried = Tensor(shape: [0, tokens.shape[1]], scalars: [])
    var start = 0
    for length in lengths {
      let tree = Tree(start: start, length: length, banks: banks)
      let nodes = summarize(tokens.rows(start..<start + length), tree, carried)
      parts.append(StreamedTree(tree: tree, nodes: nodes))
      carried = parts.last!.nodes.rows(at: tree.newestRows)
      start += length
    }
    return parts
  }

  /// The node of `level` and `bank` with index `node`.
  func node(_ node: Int, level: Int, bank: Int) -> Tensor {
    let nodes = tree.level(level, bank: bank)
    return self.nodes.rows(at: [nodes.rows.lowerBound + node - nodes.first])
  }
}

/// Expects every node of every part to have the bits that it has in the whole.
func expectPartsToEqualTheWhole(
  _ lengths: [Int], banks: Int, width: Int, on instructionSet: InstructionSet,
  sourceLocation: SourceLocation = #_sourceLocation,
  summarize: (_ tokens: Tensor, Tree, _ carried: Tensor) -> Tensor
) {
  let length = lengths.reduce(0, +)
  var values = SeededValues(seed: 2)
  let tokens = Tensor(shape: [length, width], scalars: values.floats(length * width))
  computing(on: instructionSet) {
    let whole = StreamedTree.parts([length], of: tokens, banks: banks, summarize: summarize)[0]
    for part in StreamedTree.parts(lengths, of: tokens, banks: banks, summarize: summarize) {
      for level in 0...part.tree.levels {
        for bank in 0..<(level == 0 ? 1 : banks) {
          let nodes = part.tree.level(level, bank: bank)
          for node in nodes.first..<nodes.first + nodes.rows.count {
            #expect(
              part.node(node, level: level, bank: bank)
                == whole.node(node, level: level, bank: bank),
              "node \(node) of level \(level), bank \(bank), in \(part.tree)",
              sourceLocation: sourceLocation)
          }
        }
      }
    }
  }
}
