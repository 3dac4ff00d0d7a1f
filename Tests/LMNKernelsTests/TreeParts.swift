import CLMN
import LMNKernels
import LMNTestSupport

/// Parts of trees of all kinds: whole sequences of 1 to 70 tokens and as long parts that start
/// anywhere, in one to three banks, and two of around 200 tokens.
let treeParts: [Tree] = {
  let starts = [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 100]
  return (1...70).flatMap { length in
    [
      Tree(length: length, banks: 1 + length % 3),
      Tree(start: starts[length % starts.count], length: length, banks: 1 + length / 2 % 3),
    ]
  } + [Tree(length: 200, banks: 1), Tree(start: 37, length: 199, banks: 2)]
}()

extension Tree {
  var part: lmn_tree { lmn_tree(start: start, length: length, banks: banks) }

  /// The rows that a summarizer writes.
  var summaryRows: [Int] { newRows.filter { !tokenRows.contains($0) } }

  /// How many summaries lead to each row: its level, but 0 for a carried node.
  var depths: [Int] {
    var depths = [Int](repeating: 0, count: rowCount)
    for bank in 0..<banks {
      for level in 0...levels {
        let nodes = self.level(level, bank: level > 0 ? bank : 0)
        for row in nodes.rows.dropFirst(nodes.isCarried ? 1 : 0) { depths[row] = level }
      }
    }
    return depths
  }

  /// How many levels are above each row.
  var heights: [Int] {
    var heights = [Int](repeating: levels, count: rowCount)
    for bank in 0..<banks {
      for level in 0...levels {
        for row in self.level(level, bank: level > 0 ? bank : 0).rows {
          heights[row] = levels - level
        }
      }
    }
    return heights
  }

  /// An array of nodes without those that a summarizer has to write.
  func unsummarized(_ nodes: [Float], width: Int) -> [Float] {
    var nodes = nodes
    for index in summaryRows.flatMap({ $0 * width..<($0 + 1) * width }) { nodes[index] = .nan }
    return nodes
  }
}
