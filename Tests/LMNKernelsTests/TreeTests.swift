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
    let nodes = tokens.pairwiseSummary(
      of: tree, carried: carried, weight: Tensor(shape: [1, 2, 1], repeating: 1),
      bias: Tensor(shape: [1, 1], repeating: 0))
    #expect(nodes.rows(tree.tokenRows) == tokens)
    #expect(nodes.rows(at: tree.carriedRows) == carried)
    #expect(nodes.shape == [tree.rowCount, 1])
  }

  @Test func trapsOnEmptyParts() async {
    await #expect(processExitsWith: .failure) { _ = Tree(length: 0, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(start: -1, length: 1, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(length: 4, banks: 1).level(3) }
  }
}

/// The nodes of one level and bank.
private struct LaidOutLevel: Equatable {
  let level, bank, first: Int
  let isCarried: Bool
  let rows: Range<Int>
}

extension Tree {
  /// Every level of every bank by the definition: its nodes are those that the part's tokens finish
  /// and the newest one finished before, and their rows follow each other.
  fileprivate var levelsByDefinition: [LaidOutLevel] {
    var levels: [LaidOutLevel] = []
    for bank in 0..<banks {
      for level in (bank == 0 ? 0 : 1)...63 {
        func finished(by tokens: Int) -> Int { (0...).prefix { ($0 + 1) << level <= tokens }.count }
        let (before, after) = (finished(by: start), finished(by: start + length))
        if after == 0 { break }
        let first = max(before - 1, 0)
        let row = levels.last?.rows.upperBound ?? 0
        levels.append(
          LaidOutLevel(
            level: level, bank: bank, first: first, isCarried: before > 0,
            rows: row..<row + after - first))
      }
    }
    return levels
  }
}

/// Expects both languages to lay the tree out by its definition.
private func expectLayoutOfTheDefinition(
  _ tree: Tree, sourceLocation: SourceLocation = #_sourceLocation
) {
  let levels = tree.levelsByDefinition
  let inSwift = levels.map {
    let found = tree.level($0.level, bank: $0.bank)
    return LaidOutLevel(
      level: $0.level, bank: $0.bank, first: found.first, isCarried: found.isCarried,
      rows: found.rows)
  }
  let inC = levels.map {
    let found = lmn_tree_level_at(tree.part, $0.level)
    let row = found.row + $0.bank * lmn_tree_bank_rows(tree.part)
    return LaidOutLevel(
      level: $0.level, bank: $0.bank, first: found.first, isCarried: found.carried == 1,
      rows: row..<row + found.count)
  }
  #expect(inSwift == levels, "\(tree)", sourceLocation: sourceLocation)
  #expect(inC == levels, "\(tree)", sourceLocation: sourceLocation)

  let (highest, rows) = (levels.map(\.level).max()!, levels.last!.rows.upperBound)
  let found = [
    tree.levels, lmn_tree_levels(tree.part), tree.rowCount, lmn_tree_rows(tree.part),
  ]
  #expect(found == [highest, highest, rows, rows], "\(tree)", sourceLocation: sourceLocation)

  let carriedRows = levels.filter(\.isCarried).map(\.rows.lowerBound)
  let newestRows = levels.map { $0.rows.upperBound - 1 }
  let newRows = levels.flatMap { $0.isCarried ? $0.rows.dropFirst() : $0.rows }
  #expect(tree.carriedRows == carriedRows, "\(tree)", sourceLocation: sourceLocation)
  #expect(tree.newestRows == newestRows, "\(tree)", sourceLocation: sourceLocation)
  #expect(tree.newRows == newRows, "\(tree)", sourceLocation: sourceLocation)
  #expect(
    tree.tokenRows == levels[0].rows.suffix(tree.length), "\(tree)", sourceLocation: sourceLocation)
}
