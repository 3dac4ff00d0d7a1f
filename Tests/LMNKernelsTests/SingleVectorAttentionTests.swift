import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SingleVectorAttentionTests {
  static let calls: [KernelCall] = {
    let shapes = (1...5).flatMap { heads in [1, 3, 8, 17].map { (heads, $0) } }
    let parts = combinations(150, of: publishedTreeParts, shapes)
    // More than a block of 64 slots, a head wider than any vector, and numbers of heads around a
    // vector, for which a block is up to 1024 scores.
    let more =
      [(Tree(start: 20, length: 30, banks: 17), (2, 3)), (publishedTreeParts[40], (1, 33))]
      + [(8, 3), (16, 2), (17, 3), (33, 2), (64, 1), (mostHeads, 1)].map {
        (publishedTreeParts[20], $0)
      }
    return (parts + more + blocks).flatMap { part, shape in
      [
        attention(over: part, heads: shape.0, headWidth: shape.1),
        attentionPullback(over: part, heads: shape.0, headWidth: shape.1),
      ]
    }
  }()
  /// Trees of all shapes, with and without a bias for every level.
  static let shapedCalls: [KernelCall] = {
    let shapes = [(1, 16), (2, 3), (3, 4), (4, 4), (8, 2), (5, 1), (2, 8), (16, 1), (17, 1)]
    return combinations(180, of: shapedTreeParts, shapes, [true, false]).flatMap(calls)
  }()
  /// Long trees with all their levels; nodes of the upper ones are seen from dozens of units.
  static let longCalls: [KernelCall] = {
    let shapes = [(2, 3), (4, 4), (5, 1)]
    return combinations(8, of: longTreeParts, shapes, [true, false]).flatMap(calls)
  }()

  private static func calls(
    over tree: Tree, shape: (heads: Int, headWidth: Int), isBiased: Bool
  ) -> [KernelCall] {
    let (heads, headWidth) = shape
    return [
      attention(over: tree, heads: heads, headWidth: headWidth, isBiased: isBiased),
      attentionPullback(over: tree, heads: heads, headWidth: headWidth, isBiased: isBiased),
    ]
  }
  /// Heads that share vectors, fill them, and neither, over parts that begin and end around the
  /// multiples of 4, 8, 16, 64 and 128 at which positions are cut, and with more than 64 slots.
  static let blocks: [(Tree, (Int, Int))] = {
    let shapes = [(1, 16), (1, 48), (2, 24), (4, 8), (4, 28), (8, 8), (16, 3), (32, 2)]
    let odd = [(3, 16), (5, 8), (12, 4), (4, 9)]
    let lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129]
    let parts =
      combinations(41, of: Array(0...40), lengths, [1, 2, 3]).map {
        Tree(start: $0.0, length: $0.1, banks: $0.2)
      } + [60, 63, 64, 65, 127, 128, 191].map { Tree(start: $0, length: 130, banks: 2) }
    return combinations(100, of: parts, shapes + odd)
      + [(4, 8), (8, 4), (2, 16)].map { (Tree(start: 500, length: 40, banks: 9), $0) }
  }()
  static let steps =
    [1, 3, 8, 17].flatMap { headWidth in
      (1...5).map { heads in
        attentionStep(
          counts: [1, 2, 7, 8, 9, 15, 17, 63, 64, 65, 130].map { $0 + heads - 1 }, heads: heads,
          headWidth: headWidth)
      }
    }
    + [(1, 32), (2, 16), (4, 8), (8, 6), (16, 4), (4, 64)].map { heads, headWidth in
      attentionStep(
        counts: [1, 3, 4, 5, 16, 19, 40, 64, 65, 130, 1100], heads: heads, headWidth: headWidth)
    }
    + [(1, 16), (2, 3), (4, 8), (5, 2), (16, 1), (17, 2)].map { heads, headWidth in
      attentionStep(
        counts: [1, 2, 5, 16, 63, 64, 65, 130], heads: heads, headWidth: headWidth, isBiased: true)
    }
  static let sharedCalls =
    calls(over: longTreeParts[0], shape: (2, 3), isBiased: true)
    + calls(over: longTreeParts[4], shape: (1, 16), isBiased: true)
    + [(4, 5), (4, 8)].flatMap { heads, headWidth in
      [
        attention(over: Tree(length: 50, banks: 2), heads: heads, headWidth: headWidth),
        attentionPullback(over: Tree(length: 260, banks: 2), heads: heads, headWidth: headWidth),
        attentionStep(counts: Array(1...14), heads: heads, headWidth: headWidth),
      ]
    }
    + [TreeShape(banks: 2, arity: 3), TreeShape(banks: 2, arity: 3, visibility: .disjoint)].map {
      attentionPullback(
        over: Tree(start: 5, length: 260, shape: $0), heads: 4, headWidth: 4, isBiased: true)
    }

  @Test(arguments: InstructionSet.tuned, calls + shapedCalls + longCalls + steps + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.tuned, [1, 2, 3, 4, 5, 8, 12, 16])
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, heads: Int) {
    for tree in [Tree(length: 300, banks: 2), Tree(start: 37, length: 150, banks: 3)] {
      let headWidth = heads == 12 ? 4 : max(1, 32 / heads)
      attention(over: tree, heads: heads, headWidth: headWidth)
        .expectSameBitsOnAnyThreads(on: instructionSet)
      attentionPullback(over: tree, heads: heads, headWidth: headWidth)
        .expectSameBitsOnAnyThreads(on: instructionSet)
    }
  }

  @Test(arguments: InstructionSet.tuned, treeShapes)
  func doesNotDependOnThreadsInTreesOfAnyShape(
    _ instructionSet: InstructionSet, shape: TreeShape
  ) {
    let tree = Tree(start: 37, length: 150, shape: shape)
    attention(over: tree, heads: 4, headWidth: 4, isBiased: true)
      .expectSameBitsOnAnyThreads(on: instructionSet)
    attentionPullback(over: tree, heads: 2, headWidth: 3, isBiased: true)
      .expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Many partial sums and levels, far above the units of the backward pass.
  @Test(arguments: InstructionSet.tuned)
  func agreesWithReferenceOverALongSequence(_ instructionSet: InstructionSet) {
    for tree in [Tree(length: 5000, banks: 1), Tree(start: 1000, length: 1200, banks: 2)] {
      attentionPullback(over: tree, heads: 2, headWidth: 8).expectReferenceResults(
        on: instructionSet)
    }
    for shape in [
      TreeShape(banks: 1, arity: 3), TreeShape(banks: 1, arity: 3, visibility: .disjoint),
      TreeShape(banks: 2, expansion: 1, maximumLevels: 8, visibility: .disjoint),
      TreeShape(banks: 1, arity: 5, maximumLevels: 3),
    ] {
      attentionPullback(
        over: Tree(start: 500, length: 300, shape: shape), heads: 2, headWidth: 2, isBiased: true
      ).expectReferenceResults(on: instructionSet)
    }
  }

  @Test func partialRowsAreFew() {
    for length in [1, 127, 128, 512, 4096, 65536] {
      let tree = Tree(length: length, banks: 2)
      let rows = lmn_single_vector_attention_partial_rows(tree.part)
      #expect(rows == max(0, tree.levels - 6) * 2 * ((length / 64) + 1))
    }
  }

  /// A unit has the length of a node of some level, at most 81 positions: more than 81 / r.
  @Test(arguments: treeShapes)
  func partialRowsAreFewInTreesOfAnyShape(shape: TreeShape) {
    for length in [1, 127, 512, 65536] {
      let tree = Tree(start: 3, length: length, shape: shape)
      let units = length * shape.arity / 81 + 2
      #expect(lmn_single_vector_attention_units(tree.part) <= units)
      let levels = (0...tree.levels).filter { tree.audience(ofLevel: $0) > 81 / shape.arity }
      let upper = levels.map(tree.mostSlots).reduce(0, +)
      #expect(lmn_single_vector_attention_partial_rows(tree.part) <= units * upper)
    }
  }

  /// Parts with carried nodes give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    computing(on: instructionSet) {
      for stream in AttendedStream.all(length: lengths.reduce(0, +)) {
        let whole = stream.outputs(of: [stream.length])
        #expect(stream.outputs(of: lengths) == whole, "\(stream.shape)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func partsOfALongStreamEqualTheWhole(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      for tree in longTreeParts.prefix(3) + longTreeParts.suffix(3) {
        let stream = AttendedStream(
          tree.shape, length: longPartition.reduce(0, +), heads: 2, width: 6, hasLevelBias: true)
        #expect(
          stream.outputs(of: longPartition) == stream.outputs(of: [stream.length]), "\(tree.shape)")
      }
    }
  }

  /// Blocks of slots do not depend on slots that only other positions see.
  @Test(arguments: InstructionSet.available, [[70], [53, 17], [7, 45, 2, 16]])
  func partsEqualTheWholeWhereSlotsAreMoreThanABlock(
    _ instructionSet: InstructionSet, _ lengths: [Int]
  ) {
    computing(on: instructionSet) {
      let stream = AttendedStream.wide(length: 70)
      #expect(
        stream.outputs(of: lengths) == stream.outputs(of: [Int](repeating: 1, count: 70)))
    }
  }

  /// The step over the slots of a position gives the bits of that position in the whole.
  @Test(arguments: InstructionSet.available)
  func stepEqualsThePosition(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      for stream in AttendedStream.all(length: 70) {
        let tree = Tree(length: stream.length, shape: stream.shape)
        let slots = stream.slots(of: stream.parts([stream.length])[0])
        let views = (0..<stream.length).map(tree.viewOfTheRule)
        let steps = stream.tokens.singleVectorAttention(
          over: views.map { slots.rows(at: $0.map(\.row)) },
          biases: stream.levelBias.map { bias in
            views.map { bias.gatheringRows(at: $0.map(\.level)) }
          }, heads: stream.heads)
        #expect(steps == stream.outputs(of: [stream.length]), "\(stream.shape)")
      }
    }
  }

  /// Scores of ±10,000 times a head's width give the value of the largest, or a mean of equals.
  @Test(arguments: InstructionSet.available, [0, 1, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      for shape in treeShapes { expectFiniteResults(shape: shape, size: size) }
    }
  }

  private func expectFiniteResults(shape: TreeShape, size: Float) {
    let (tree, heads, width) = (Tree(start: 5, length: 20, shape: shape), 2, 6)
    let levelBias = Tensor(shape: [shape.maximumLevels + 1, heads], repeating: -size)
    let alternating = (0..<tree.rowCount * 2 * width).map {
      ($0 / (2 * width)).isMultiple(of: 2) ? size : -size
    }
    let keys = Tensor(shape: [tree.length, width], repeating: 1)
    for slots in [
      Tensor(shape: [tree.rowCount, 2 * width], repeating: size),
      Tensor(shape: [tree.rowCount, 2 * width], scalars: alternating),
    ] {
      for bias in [nil, levelBias] {
        let view = AttentionView(of: tree, heads: heads, levelBias: bias)
        let (output, logNormalizer) = slots.singleVectorAttention(keys: keys, seeing: view)
        #expect(output.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
        let pulled = slots.singleVectorAttentionPullback(
          keys, keys: keys, output: output, logNormalizer: logNormalizer, seeing: view)
        #expect(
          [logNormalizer, pulled.slots, pulled.keys, pulled.levelBias ?? keys].allSatisfy {
            $0.scalars.allSatisfy(\.isFinite)
          })
      }
      let step = keys.rows(0..<1).singleVectorAttention(over: [slots], biases: nil, heads: heads)
      #expect(step.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
    }
  }

  @Test func trapsOnHeadsThatDoNotDivideTheWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1, 8], repeating: 0).singleVectorAttention(
        keys: Tensor(shape: [1, 4], repeating: 0),
        seeing: AttentionView(of: Tree(length: 1, banks: 1), heads: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 4], repeating: 0).singleVectorAttention(
        over: StreamTrees(streams: 1, width: 4, heads: 1, shape: TreeShape(banks: 1)))
    }
  }

  @Test func trapsOnABiasOfOtherLevels() async {
    await #expect(processExitsWith: .failure) {
      _ = AttentionView(
        of: Tree(length: 1, shape: TreeShape(banks: 1, maximumLevels: 3)), heads: 2,
        levelBias: Tensor(shape: [3, 2], repeating: 0))
    }
  }
}
