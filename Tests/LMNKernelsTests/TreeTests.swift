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

  @Test(arguments: treeShapes)
  func layoutOfEveryShapeFollowsTheDefinition(shape: TreeShape) {
    for start in Array(0...40) + [63, 64, 65, 80, 81, 255, 256, 257] {
      for length in [1, 2, 3, 8, 25, 64] {
        expectLayoutOfTheDefinition(Tree(start: start, length: length, shape: shape))
      }
    }
    for (start, length) in [(0, 1100), (1037, 1300), (4095, 4098), (6560, 1)] {
      expectLayoutOfTheDefinition(Tree(start: start, length: length, shape: shape))
    }
  }

  @Test(arguments: [(0, 1 << 20), (1 << 20, 1), ((1 << 20) - 1, 1), (123_456_789, 3)])
  func hasOneLevelMoreAtEveryPowerOfTwo(start: Int, length: Int) {
    let tree = Tree(start: start, length: length, banks: 3)
    #expect(1 << tree.levels <= start + length && start + length < 1 << (tree.levels + 1))
  }

  @Test(arguments: TreeShape.arities)
  func hasOneLevelMoreAtEveryPowerOfTheArity(arity: Int) {
    let shape = TreeShape(banks: 1, arity: arity, maximumLevels: 4)
    var power = 1
    for level in 0...4 {
      #expect(Tree(length: power, shape: shape).levels == level)
      #expect(Tree(start: power - 1, length: power * (arity - 1), shape: shape).levels == level)
      power *= arity
    }
    #expect(Tree(length: power, shape: shape).levels == 4)
  }

  /// A whole tree has fewer nodes above its tokens, per bank, than tokens.
  @Test(arguments: [1, 2, 3, 63, 64, 65, 1000])
  func wholeTreeHasFewerNodesThanTokens(length: Int) {
    #expect(Tree(length: length, banks: 1).rowCount < 2 * length)
    #expect(Tree(length: length, banks: 1).carriedRows.isEmpty)
  }

  /// The newest nodes of a part are those that the next part carries, for any length of it.
  @Test(arguments: treeShapes)
  func newestNodesAreThoseThatTheNextPartCarries(shape: TreeShape) {
    for start in 0...30 {
      for length in [1, 2, 3, 4, 7, 16, 33] {
        let tree = Tree(start: start, length: length, shape: shape)
        let left = tree.slots(in: tree.newestRows)
        for next in [1, 40] {
          let next = Tree(start: start + length, length: next, shape: shape)
          #expect(left == next.slots(in: next.carriedRows), "\(tree)")
        }
      }
    }
  }

  /// The families of a level are its new nodes and the r consecutive children of each.
  @Test(arguments: shapedTreeParts + longTreeParts)
  func familiesFollowTheDefinition(tree: Tree) {
    let (shape, slots) = (tree.shape, tree.slots(in: Array(0..<tree.rowCount)))
    var grownRows = 0
    for bank in 0..<shape.banks {
      for level in 1..<max(1, tree.levels + 1) {
        let nodes = tree.level(level, bank: bank)
        let families = lmn_tree_families_at(tree.part, level)
        #expect(families.count == nodes.rows.count / nodes.slots - nodes.carried)
        for family in 0..<families.count {
          let node = nodes.first + nodes.carried + family
          let row = families.node + bank * families.node_stride + family * nodes.slots
          #expect(slots[row] == Slot(level: level, bank: bank, node: node, slot: 0))
          for index in 0..<shape.arity * families.slots {
            let child = shape.arity * families.slots * family + index
            #expect(
              slots[families.child + bank * families.child_stride + child]
                == Slot(
                  level: level - 1, bank: level == 1 ? 0 : bank,
                  node: shape.arity * node + index / families.slots, slot: index % families.slots))
          }
        }
        if shape.expansion > 0 && (level > 1 || bank == 0) {
          #expect(families.grown + bank * families.grown_stride == grownRows)
          grownRows += families.count * nodes.slots * shape.arity
        }
      }
    }
    #expect(lmn_tree_grown_rows(tree.part) == grownRows)
  }

  @Test func nodesHoldTokensAndCarriedNodesInTheirRows() {
    let tree = Tree(start: 3, length: 2, banks: 1)
    let tokens = Tensor(shape: [2, 1], scalars: [13, 14])
    let carried = Tensor(shape: [2, 1], scalars: [12, 101])
    let nodes = Summary.affine(
      weight: Tensor(shape: [1, 2, 1], repeating: 1), bias: Tensor(shape: [1, 1], repeating: 0)
    ).nodes(of: tree, tokens: tokens, carried: carried).nodes
    #expect(nodes.rows(tree.tokenRows) == tokens)
    #expect(nodes.rows(at: tree.carriedRows) == carried)
    #expect(nodes.shape == [tree.rowCount, 1])
  }

  @Test func trapsOnEmptyParts() async {
    await #expect(processExitsWith: .failure) { _ = Tree(length: 0, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(start: -1, length: 1, banks: 1) }
    await #expect(processExitsWith: .failure) { _ = Tree(length: 4, banks: 1).level(3) }
  }

  @Test func trapsOnShapesThatNoTreeHas() async {
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 0) }
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 1, arity: 1) }
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 1, arity: 17) }
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 1, expansion: -1) }
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 1, maximumLevels: 0) }
    await #expect(processExitsWith: .failure) { _ = TreeShape(banks: 1, window: -1) }
  }
}

/// Level, bank, node and slot of a row.
private struct Slot: Equatable {
  let level, bank, node, slot: Int
}

extension Tree {
  /// Level, bank, node and slot of each of these rows.
  fileprivate func slots(in rows: [Int]) -> [Slot] {
    let all = levelsOfBanks.flatMap { level, bank, nodes in
      (0..<nodes.rows.count).map {
        Slot(
          level: level, bank: bank, node: nodes.first + $0 / nodes.slots, slot: $0 % nodes.slots)
      }
    }
    return rows.map { all[$0] }
  }
}

/// The nodes of one level and bank.
private struct LaidOutLevel: Equatable {
  let level, bank, first, carried, slots: Int
  let rows: Range<Int>

  var carriedRows: Range<Int> { rows.prefix(carried * slots) }
}

extension Tree {
  /// Every level of every bank by the definition, with consecutive rows.
  ///
  /// The nodes are those that the part's tokens complete, and of those completed before, the ones
  /// without their parent yet, the newest one, and on level 0 the tokens of the window.
  fileprivate var levelsByDefinition: [LaidOutLevel] {
    var levels: [LaidOutLevel] = []
    for bank in 0..<shape.banks {
      var span = 1
      for level in 0...shape.maximumLevels {
        defer { span *= shape.arity }
        if span > start + length { break }
        if level == 0 && bank > 0 { continue }
        let (before, after) = (start / span, (start + length) / span)
        let carried = (0..<before).filter { node in
          let parentEnd = (node / shape.arity + 1) * shape.arity * span
          let waits = level < shape.maximumLevels && parentEnd > start
          let inWindow = level == 0 && node >= start - shape.window
          return waits || inWindow || node == before - 1
        }
        let first = carried.first ?? before
        let row = levels.last?.rows.upperBound ?? 0
        let slots = 1 + level * shape.expansion
        levels.append(
          LaidOutLevel(
            level: level, bank: bank, first: first, carried: carried.count, slots: slots,
            rows: row..<row + (after - first) * slots))
      }
    }
    return levels
  }
}

/// Expects the layout of the tree in C and in Swift to follow the definition.
private func expectLayoutOfTheDefinition(
  _ tree: Tree, sourceLocation: SourceLocation = #_sourceLocation
) {
  let levels = tree.levelsByDefinition
  let inSwift = levels.map {
    let found = tree.level($0.level, bank: $0.bank)
    return LaidOutLevel(
      level: $0.level, bank: $0.bank, first: found.first, carried: found.carried,
      slots: found.slots, rows: found.rows)
  }
  let inC = levels.map {
    let found = lmn_tree_level_at(tree.part, $0.level)
    let row = found.row + $0.bank * lmn_tree_bank_rows(tree.part)
    return LaidOutLevel(
      level: $0.level, bank: $0.bank, first: found.first, carried: found.carried,
      slots: found.slots, rows: row..<row + found.count * found.slots)
  }
  #expect(inSwift == levels, "\(tree)", sourceLocation: sourceLocation)
  #expect(inC == levels, "\(tree)", sourceLocation: sourceLocation)

  let (highest, rows) = (levels.map(\.level).max()!, levels.last!.rows.upperBound)
  let found = [
    tree.levels, lmn_tree_levels(tree.part), tree.rowCount, lmn_tree_rows(tree.part),
  ]
  #expect(found == [highest, highest, rows, rows], "\(tree)", sourceLocation: sourceLocation)

  let carriedRows = levels.flatMap(\.carriedRows)
  let newRows = levels.flatMap { $0.rows.dropFirst($0.carried * $0.slots) }
  #expect(tree.carriedRows == carriedRows, "\(tree)", sourceLocation: sourceLocation)
  #expect(tree.newRows == newRows, "\(tree)", sourceLocation: sourceLocation)
  #expect(
    tree.tokenRows == levels[0].rows.suffix(tree.length), "\(tree)", sourceLocation: sourceLocation)
}
