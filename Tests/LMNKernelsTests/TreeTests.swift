import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct TreeTests {
  @Test(arguments: 0...40)
  func layoutFollowsTheDefinition(start: Int) {
    for length in 1...40 {
      for banks in 1...2 {
        expectLayoutOfTheDefinition(Tree(start: start, length: length, banks: banks))
      }
    }
  }

  @Test(arguments: [(0, 1 << 20), (1 << 20, 1), ((1 << 20) - 1, 1), (123_456_789, 3)])
  func hasOneLevelMoreAtEveryPowerOfTwo(start: Int, length: Int) {
    let tree = Tree(start: start, length: length, banks: 3)
    #expect(1 << tree.levels <= start + length && start + length < 1 << (tree.levels + 1))
  }

  /// A whole tree has fewer nodes above its tokens, per bank, than tokens.
  @Test(arguments: [1, 2, 3, 63, 64, 65, 1000])
  func wholeTreeHasFewerNodesThanTokens(length: Int) {
    #expect(Tree(length: length, banks: 1).rowCount < 2 * length)
    #expect(Tree(length: length, banks: 1).carriedRows.isEmpty)
  }

  @Test func nodesHoldTokensAndCarriedNodesInTheirRows() {
    let tree = Tree(start: 3, length: 2, banks: 1)
    let tokens = Tensor(shape: [2, 1], scalars: [13, 14])
    let carried = Tensor(shape: [2, 1], scalars: [12, 101])
    let nodes = tokens.nodes(of: tree, carried: carried)
    #expect(nodes.rows(tree.tokenRows) == tokens)
    #expect(nodes.rows(at: tree.carriedRows) == carried)
    #expect(nodes.shape == [tree.rowCount, 1])
  }

  @Test func rowsAreGatheredInOrder() {
    let matrix = Tensor(shape: [3, 2], scalars: [0, 1, 10, 11, 20, 21])
    #expect(matrix.rows(at: [2, 0, 2]).scalars == [20, 21, 0, 1, 20, 21])
  }

  @Test func trapsOnEmptyParts() async {
    await #expect(processExitsWith: .failure) { _ = Tree(length: 0, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(start: -1, length: 1, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(length: 4, banks: 1).level(3) }
  }
}

/// Lays the tree out by its definition, node by node, and expects the same of both languages.
private func expectLayoutOfTheDefinition(
  _ tree: Tree, sourceLocation: SourceLocation = #_sourceLocation
) {
  func isFinished(_ node: Int, level: Int, by tokens: Int) -> Bool {
    (node + 1) * (1 << level) <= tokens
  }
  let end = tree.start + tree.length
  let levels = (0...).prefix { isFinished(0, level: $0, by: end) }
  var (row, carriedRows, newRows, newestRows) = (0, [Int](), [Int](), [Int]())
  var layoutMatches = tree.levels == levels.last && lmn_tree_levels(tree.part) == levels.last!
  for bank in 0..<tree.banks {
    if bank == 1 {
      layoutMatches =
        layoutMatches && lmn_tree_bank_rows(tree.part) == row - tree.level(0).rows.count
    }
    for level in levels where level > 0 || bank == 0 {
      let finished = (0..<end).prefix { isFinished($0, level: level, by: end) }
      let new = finished.filter { !isFinished($0, level: level, by: tree.start) }
      let carried = finished.last { isFinished($0, level: level, by: tree.start) }
      let first = carried ?? 0
      let count = new.count + (carried == nil ? 0 : 1)

      let found = tree.level(level, bank: bank)
      layoutMatches =
        layoutMatches && found.first == first && found.isCarried == (carried != nil)
        && found.rows == row..<row + count
      if bank == 0 {
        let found = lmn_tree_level_at(tree.part, level)
        layoutMatches =
          layoutMatches && found.first == first && found.count == count && found.row == row
          && found.carried == (carried == nil ? 0 : 1)
      }
      if carried != nil { carriedRows.append(row) }
      newRows += row + count - new.count..<row + count
      newestRows.append(row + count - 1)
      row += count
    }
  }
  let tokenRows = tree.level(0).rows.suffix(tree.length)
  if !layoutMatches || tree.rowCount != row || lmn_tree_rows(tree.part) != row
    || tree.carriedRows != carriedRows || tree.newRows != newRows || tree.newestRows != newestRows
    || tree.tokenRows != tokenRows
  {
    Issue.record("\(tree) is laid out differently", sourceLocation: sourceLocation)
  }
}
