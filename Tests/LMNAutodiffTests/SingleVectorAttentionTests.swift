import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SingleVectorAttentionTests {
  @Test(arguments: trees, [1, 3, 6])
  func gradients(of tree: Tree, heads: Int) {
    expectGradients(
      of: { $0[0].singleVectorAttention(keys: $0[1], of: tree, heads: heads) },
      at: [.random([tree.rowCount, 12], seed: 1), .random([tree.length, 6], seed: 2)])
  }

  @Test(arguments: trees, [1, 3, 6])
  func gradientsOfALevelBias(of tree: Tree, heads: Int) {
    expectGradientsOfALevelBias(of: tree, heads: heads, width: 6)
  }

  @Test(arguments: longTrees)
  func gradientsOfALevelBiasOverALongTree(of tree: Tree) {
    expectGradientsOfALevelBias(of: tree, heads: 2, width: 4)
  }

  private func expectGradientsOfALevelBias(
    of tree: Tree, heads: Int, width: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectGradients(
      of: {
        $0[0].singleVectorAttention(keys: $0[1], of: tree, heads: heads, levelBias: $0[2])
      },
      at: [
        .random([tree.rowCount, 2 * width], seed: 1), .random([tree.length, width], seed: 2),
        .random([tree.shape.maximumLevels + 1, heads], seed: 3),
      ], sourceLocation: sourceLocation)
  }

  /// Two token attentions, with gates for both, for the second or for the first.
  @Test(arguments: [[true, true], [false, true], [true, false]])
  func gradientsOfGatesOfSeveralTokenAttentions(areGated: [Bool]) {
    let tree = Tree(start: 9, length: 11, shape: TreeShape(banks: 1, window: 2))
    let tokens = [tree.level(0).rows.count, 2 + tree.length]
    let scores = Tensor.random([tokens[1]], seed: 5)
    expectGradients(
      of: { v in
        var gates = v[2...]
        let (ofWindow, ofPins) = (
          areGated[0] ? gates.popFirst() : nil, areGated[1] ? gates.popFirst() : nil
        )
        let pins = TokenAttention.pinned(scores: scores, count: 2, in: tree).tokenAttention
        return v[0].singleVectorAttention(
          keys: v[1], of: tree, heads: 2,
          beside: [(.window(of: tree), ofWindow, nil), (pins, ofPins, nil)])
      },
      at: [.random([tree.rowCount + 2, 8], seed: 1), .random([tree.length, 4], seed: 2)]
        + zip(tokens, areGated).filter(\.1).map { .random([$0.0], seed: UInt64($0.0)) })
  }

  /// Every position attends to the tree, to its window, and to two pinned tokens with gates.
  @Test(arguments: shapedTrees, [1, 3])
  func gradientsOfAttendedTokens(of tree: Tree, heads: Int) {
    let shape = tree.shape
    let tree = Tree(
      start: tree.start, length: tree.length,
      shape: TreeShape(
        banks: shape.banks, arity: shape.arity, expansion: shape.expansion,
        maximumLevels: shape.maximumLevels, window: 3, visibility: shape.visibility))
    let scores = Tensor(
      shape: [2 + tree.length],
      scalars: [-.infinity, 0.5] + Tensor.random([tree.length], seed: 5).scalars)
    expectGradients(
      of: { v in
        v[0].singleVectorAttention(
          keys: v[1], of: tree, heads: heads, levelBias: v[2],
          beside: [
            (.window(of: tree), nil, v[4]),
            (TokenAttention.pinned(scores: scores, count: 2, in: tree).tokenAttention, v[3], nil),
          ])
      },
      at: [
        .random([tree.rowCount + 2, 12], seed: 1), .random([tree.length, 6], seed: 2),
        .random([shape.maximumLevels + 1, heads], seed: 3), .random([2 + tree.length], seed: 4),
        .random([3, heads], seed: 6),
      ])
  }

  /// Over several units of positions, from the beginning of a stream and from a later position.
  @Test(arguments: [1, 2, 5, 70], [1, 3, 6])
  func gradientsOfAWindowBias(window: Int, heads: Int) {
    for (start, length) in [(0, 70), (9, 40), (100, 1)] {
      let tree = Tree(start: start, length: length, shape: TreeShape(banks: 1, window: window))
      expectGradients(
        of: {
          $0[0].singleVectorAttention(
            keys: $0[1], of: tree, heads: heads, beside: [(.window(of: tree), nil, $0[2])])
        },
        at: [
          .random([tree.rowCount, 12], seed: 1), .random([length, 6], seed: 2),
          .random([window, heads], seed: 3),
        ])
    }
  }

  /// Two token attentions with biases, of pinned tokens with gates beside.
  @Test func gradientsOfSeveralBiases() {
    let tree = Tree(start: 9, length: 11, shape: TreeShape(banks: 1, window: 2))
    let scores = Tensor.random([2 + tree.length], seed: 5)
    expectGradients(
      of: { v in
        let pins = TokenAttention.pinned(scores: scores, count: 2, in: tree).tokenAttention
        return v[0].singleVectorAttention(
          keys: v[1], of: tree, heads: 2,
          beside: [(.window(of: tree), nil, v[3]), (pins, v[2], v[4])])
      },
      at: [
        .random([tree.rowCount + 2, 8], seed: 1), .random([tree.length, 4], seed: 2),
        .random([2 + tree.length], seed: 3), .random([2, 2], seed: 4), .random([2, 2], seed: 6),
      ])
  }

  /// A single slot has weight 1, so the output is the token's own value.
  @Test func givesTheFirstTokenItsOwnValue() {
    let slots = Tensor.random([1, 8], seed: 1)
    let attended = Variable(constant: slots).singleVectorAttention(
      keys: Variable(constant: .random([1, 4], seed: 2)), of: Tree(length: 1, banks: 2), heads: 2)
    #expect(attended.value.scalars == Array(slots.scalars[4...]))
  }

  @Test func trapsOnHeadsThatDoNotDivideTheWidth() async {
    await #expect(processExitsWith: .failure) {
      let zeros = { Variable(constant: Tensor(shape: $0, repeating: 0)) }
      _ = zeros([1, 8]).singleVectorAttention(
        keys: zeros([1, 4]), of: Tree(length: 1, banks: 1), heads: 3)
    }
  }
}
