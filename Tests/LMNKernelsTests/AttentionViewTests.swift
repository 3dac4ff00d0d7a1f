import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// The nodes that positions attend to.
@Suite struct AttentionViewTests {
  @Test(arguments: InstructionSet.tuned, 1...2)
  func seesExactlyTheNodesOfTheRule(_ instructionSet: InstructionSet, banks: Int) {
    computing(on: instructionSet) {
      for length in 1...300 { expectViewsOfTheRule(Tree(length: length, banks: banks)) }
    }
  }

  /// All levels of a long stream.
  @Test(arguments: InstructionSet.tuned, longTreeParts)
  func seesExactlyTheNodesOfTheRuleInLongTrees(_ instructionSet: InstructionSet, tree: Tree) {
    computing(on: instructionSet) { expectViewsOfTheRule(tree) }
  }

  /// Lengths around powers of two only, since the reference is slow.
  @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257])
  func referenceSeesExactlyTheNodesOfTheRule(_ length: Int) {
    computing(on: .reference) { expectViewsOfTheRule(Tree(length: length, banks: 1)) }
  }

  @Test(arguments: InstructionSet.available, [1, 2, 3, 4, 7, 8, 21, 32])
  func partsSeeExactlyTheNodesOfTheRule(_ instructionSet: InstructionSet, length: Int) {
    computing(on: instructionSet) {
      for start in 0...40 { expectViewsOfTheRule(Tree(start: start, length: length, banks: 2)) }
    }
  }

  @Test(arguments: InstructionSet.tuned, treeShapes)
  func seesExactlyTheNodesOfTheRuleInTreesOfAnyShape(
    _ instructionSet: InstructionSet, shape: TreeShape
  ) {
    computing(on: instructionSet) {
      for length in stride(from: 1, through: 100, by: 9) {
        expectViewsOfTheRule(Tree(length: length, shape: shape))
      }
      for (start, length) in combinations(31, of: Array(0...30), Array(1...17)) {
        expectViewsOfTheRule(Tree(start: start, length: length, shape: shape))
      }
      expectViewsOfTheRule(Tree(start: 190, length: 100, shape: shape))
    }
  }

  @Test(arguments: treeShapes)
  func referenceSeesExactlyTheNodesOfTheRuleInTreesOfAnyShape(shape: TreeShape) {
    computing(on: .reference) {
      for start in [0, 7, 63] {
        expectViewsOfTheRule(Tree(start: start, length: 19, shape: shape))
      }
    }
  }

  /// In a disjoint tree, every token that is not in a node of the highest level is in one visible
  /// node; of the nodes of the highest level, the newest is visible.
  @Test(arguments: InstructionSet.available, treeShapes.filter { $0.visibility == .disjoint })
  func disjointNodesHoldEveryTokenOnce(_ instructionSet: InstructionSet, shape: TreeShape) {
    let length = 75
    let tree = Tree(length: length, shape: shape)
    // The value of a slot of the first bank encodes the tokens that it summarizes.
    var values = [Float](repeating: 0, count: tree.rowCount * 2 * length)
    var span = 1
    for level in 0...tree.levels {
      let nodes = tree.level(level)
      for (index, row) in nodes.rows.enumerated() where index.isMultiple(of: nodes.slots) {
        let node = index / nodes.slots
        for token in node * span..<(node + 1) * span {
          values[row * 2 * length + length + token] = 1
        }
      }
      span *= shape.arity
    }
    let (output, logNormalizer) = computing(on: instructionSet) {
      Tensor(shape: [tree.rowCount, 2 * length], scalars: values).singleVectorAttention(
        keys: Tensor(shape: [length, length], repeating: 0),
        seeing: AttentionView(of: tree, heads: 1))
    }
    let spanOfHighest = (0..<shape.maximumLevels).reduce(1) { span, _ in
      min(span * shape.arity, 1000)
    }
    for position in 0..<length {
      let slots = exp(logNormalizer.scalars[position])
      let found = output.scalars[position * length..<(position + 1) * length].map {
        Int(($0 * slots).rounded())
      }
      let held = (position + 1) / spanOfHighest * spanOfHighest
      let expected = (0..<length).map { $0 <= position && $0 >= held - spanOfHighest ? 1 : 0 }
      #expect(found == expected, "position \(position) of \(tree)")
    }
  }
}

extension Tree {
  /// A visible slot.
  struct SeenSlot {
    let level, bank, node, slot, row: Int
  }

  /// The slots that position `index` of this part sees by the rule, in the kernels' order.
  ///
  /// On every level i with t + 1 ≥ rⁱ, and in every bank, all slots of the newest node,
  /// ((t + 1) / rⁱ) − 1; on level 0 that is its own token. In a disjoint tree, below the highest
  /// level, of the ((t + 1) / rⁱ) modulo r newest ones.
  func viewOfTheRule(at index: Int) -> [SeenSlot] {
    let tokens = start + index + 1
    var (view, span): ([SeenSlot], Int) = ([], 1)
    for level in 0...shape.maximumLevels where tokens >= span {
      let finished = tokens / span
      let seen = shape.showsWaiting(onLevel: level) ? finished % shape.arity : 1
      for bank in 0..<(level == 0 ? 1 : shape.banks) {
        let nodes = self.level(level, bank: bank)
        for node in finished - seen..<finished {
          for slot in 0..<1 + level * shape.expansion {
            view.append(
              SeenSlot(
                level: level, bank: bank, node: node, slot: slot,
                row: nodes.rows.lowerBound + (node - nodes.first) * nodes.slots + slot))
          }
        }
      }
      span *= shape.arity
    }
    return view
  }
}

/// Names of the slots of a tree, as features: two for every level, bank and slot, and for every
/// place of a node among its siblings if several are visible.
///
/// The first feature counts nodes, the second adds their indices.
private struct SlotNames {
  let tree: Tree
  /// First feature of every level, then the number of features.
  private(set) var first = [0]

  init(of tree: Tree) {
    self.tree = tree
    for level in 0...tree.levels {
      let banks = level == 0 ? 1 : tree.shape.banks
      first.append(first[level] + 2 * banks * tree.level(level).slots * places(level))
    }
  }

  var width: Int { first.last! }

  private func places(_ level: Int) -> Int {
    tree.shape.showsWaiting(onLevel: level) ? tree.shape.arity : 1
  }

  /// Adds the name of a slot.
  func add(level: Int, bank: Int, node: Int, slot: Int, to values: inout ArraySlice<Float>) {
    let place = (bank * (1 + level * tree.shape.expansion) + slot) * places(level)
    let feature = values.startIndex + first[level] + 2 * (place + node % places(level))
    values[feature] += 1
    values[feature + 1] += Float(node)
  }
}

/// Expects every position of `tree` to see the nodes of the rule.
///
/// All scores are 0 and values name their slots, so the output times the number of slots tells
/// which slots it averages.
private func expectViewsOfTheRule(
  _ tree: Tree, sourceLocation: SourceLocation = #_sourceLocation
) {
  let names = SlotNames(of: tree)
  let width = names.width
  var slots = [Float](repeating: 0, count: tree.rowCount * 2 * width)
  for (level, bank, nodes) in tree.levelsOfBanks {
    for (index, row) in nodes.rows.enumerated() {
      names.add(
        level: level, bank: bank, node: nodes.first + index / nodes.slots,
        slot: index % nodes.slots, to: &slots[row * 2 * width + width..<(row + 1) * 2 * width])
    }
  }
  let output = Tensor(shape: [tree.rowCount, 2 * width], scalars: slots).singleVectorAttention(
    keys: Tensor(shape: [tree.length, width], repeating: 0),
    seeing: AttentionView(of: tree, heads: 1)
  ).output.scalars
  for position in 0..<tree.length {
    let view = tree.viewOfTheRule(at: position)
    var expected = [Float](repeating: 0, count: width)
    for slot in view {
      names.add(
        level: slot.level, bank: slot.bank, node: slot.node, slot: slot.slot, to: &expected[...])
    }
    let count = Float(view.count)
    let sums = output[position * width..<(position + 1) * width].map { ($0 * count).rounded() }
    if sums != expected {
      Issue.record(
        "position \(position) of \(tree) sees \(sums) instead of \(expected)",
        sourceLocation: sourceLocation)
    }
  }
}
