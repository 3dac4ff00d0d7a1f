import LMNKernels
import LMNTestSupport
import Testing

/// Chunks that are summarized in parallel and connected one after the other.
@Suite struct SubtreeTests {
  /// Nodes of subtrees have the bits of those of consecutive parts.
  @Test(arguments: InstructionSet.available, treeShapes)
  func subtreesEqualParts(_ instructionSet: InstructionSet, shape: TreeShape) {
    for length in [1, shape.arity, shape.arity * shape.arity] {
      for kind in RandomSummary.Kind.allCases {
        expectSubtreesToEqualParts(of: length, shape, kind, on: instructionSet)
      }
    }
  }

  @Test(
    arguments: InstructionSet.available,
    [
      (512, TreeShape(banks: 2)), (243, TreeShape(banks: 1, arity: 3, expansion: 1)),
      (256, TreeShape(banks: 2, arity: 4, maximumLevels: 3, window: 5, visibility: .disjoint)),
    ])
  func longSubtreesEqualParts(_ instructionSet: InstructionSet, of subtree: (Int, TreeShape)) {
    for kind in RandomSummary.Kind.allCases {
      expectSubtreesToEqualParts(of: subtree.0, subtree.1, kind, on: instructionSet)
    }
  }

  @Test(arguments: TreeShape.arities)
  func beginsAtMultiplesOfAPowerOfTheArity(arity: Int) {
    #expect(Subtree.canBegin(at: 7, length: 1, arity: arity))
    #expect(Subtree.canBegin(at: 3 * arity, length: arity, arity: arity))
    #expect(Subtree.canBegin(at: 0, length: arity * arity, arity: arity))
    #expect(!Subtree.canBegin(at: 0, length: arity + 1, arity: arity))
    #expect(!Subtree.canBegin(at: arity, length: arity * arity, arity: arity))
  }

  @Test func trapsWhereThereIsNoSubtree() async {
    await #expect(processExitsWith: .failure) {
      let summary = RandomSummary(.affine, of: TreeShape(banks: 1), width: 2)
      _ = Subtree(
        tokens: Tensor(shape: [3, 2], repeating: 0), tree: Tree(length: 3, banks: 1),
        summary: summary.summary)
    }
  }
}

/// Expects four subtrees of `length` tokens to have the nodes of consecutive parts.
private func expectSubtreesToEqualParts(
  of length: Int, _ shape: TreeShape, _ kind: RandomSummary.Kind, on instructionSet: InstructionSet,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let width = 5
  let summary = RandomSummary(kind, of: shape, width: width)
  let tokens = Tensor.random([4 * length, width], seed: 2)
  computing(on: instructionSet) {
    let parts = StreamedTree.parts([Int](repeating: length, count: 4), of: tokens, shape: shape) {
      summary.nodes(of: $1, tokens: $0, carried: $2)
    }
    let subtrees = parts.map {
      Subtree(
        tokens: tokens.rows($0.tree.start..<$0.tree.start + length), tree: $0.tree,
        summary: summary.summary, expansion: summary.expansion)
    }
    var carried = Tensor(shape: [0, width], scalars: [])
    for (subtree, part) in zip(subtrees, parts) {
      subtree.connect(after: &carried)
      #expect(subtree.nodes == part.nodes, "\(part.tree)", sourceLocation: sourceLocation)
      #expect(
        carried == part.nodes.rows(at: part.tree.newestRows), "\(part.tree)",
        sourceLocation: sourceLocation)
    }
  }
}
