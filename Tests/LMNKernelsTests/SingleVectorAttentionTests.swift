import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SingleVectorAttentionTests {
  static let calls: [KernelCall] = {
    let shapes = (1...5).flatMap { heads in [1, 3, 8, 17].map { (heads, $0) } }
    let parts = treeParts.enumerated().map { ($1, shapes[$0 % shapes.count]) }
    // More than a block of 64 slots, a head wider than any vector, and heads around a vector, of
    // which up to 1024 scores are a block.
    let more =
      [(Tree(start: 20, length: 30, banks: 17), (2, 3)), (treeParts[40], (1, 33))]
      + [(8, 3), (16, 2), (17, 3), (33, 2), (64, 1), (mostHeads, 1)].map { (treeParts[20], $0) }
    return (parts + more + blocks).flatMap { part, shape in
      [
        attention(over: part, heads: shape.0, headWidth: shape.1),
        attentionPullback(over: part, heads: shape.0, headWidth: shape.1),
      ]
    }
  }()
  /// Heads that share vectors, fill them and neither, over parts that begin and end around the
  /// multiples of 4, 8, 16, 64 and 128 at which positions are cut, and more than 64 slots.
  static let blocks: [(Tree, (Int, Int))] = {
    let shapes = [(1, 16), (1, 48), (2, 24), (4, 8), (4, 28), (8, 8), (16, 3), (32, 2)]
    let odd = [(3, 16), (5, 8), (12, 4), (4, 9)]
    let lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129]
    let parts =
      (0...40).map { Tree(start: $0, length: lengths[$0 % lengths.count], banks: 1 + $0 % 3) }
      + [60, 63, 64, 65, 127, 128, 191].map { Tree(start: $0, length: 130, banks: 2) }
    return parts.enumerated().flatMap { index, part in
      [(part, shapes[index % shapes.count]), (part, (shapes + odd)[(3 + index) % 12])]
    }
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
        counts: [1, 3, 4, 5, 16, 19, 40, 64, 65, 130], heads: heads, headWidth: headWidth)
    }
  static let sharedCalls =
    [(4, 5), (4, 8)].flatMap { heads, headWidth in
      [
        attention(over: Tree(length: 50, banks: 2), heads: heads, headWidth: headWidth),
        attentionPullback(over: Tree(length: 260, banks: 2), heads: heads, headWidth: headWidth),
        attentionStep(counts: Array(1...14), heads: heads, headWidth: headWidth),
      ]
    }

  @Test(arguments: InstructionSet.tuned, calls + steps)
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

  /// Most partial sums and the most levels: far above the units of the backward pass.
  @Test(arguments: InstructionSet.tuned)
  func agreesWithReferenceOverALongSequence(_ instructionSet: InstructionSet) {
    for tree in [Tree(length: 5000, banks: 1), Tree(start: 1000, length: 1200, banks: 2)] {
      attentionPullback(over: tree, heads: 2, headWidth: 8).expectReferenceResults(
        on: instructionSet)
    }
  }

  @Test func partialRowsAreFew() {
    for length in [1, 127, 128, 512, 4096, 65536] {
      let tree = Tree(length: length, banks: 2)
      let rows = lmn_single_vector_attention_partial_rows(tree.part)
      #expect(rows == max(0, tree.levels - 6) * 2 * ((length / 64) + 1))
    }
  }

  @Test(arguments: InstructionSet.tuned, 1...2)
  func seesExactlyTheNodesOfTheRule(_ instructionSet: InstructionSet, banks: Int) {
    computing(on: instructionSet) {
      for length in 1...300 { expectViewsOfTheRule(Tree(length: length, banks: banks)) }
    }
  }

  /// The reference is slow: the lengths around powers of two.
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

  /// Parts that carry the newest nodes on give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    computing(on: instructionSet) {
      for (heads, width) in AttendedStream.shapes {
        let stream = AttendedStream(length: lengths.reduce(0, +), heads: heads, width: width)
        let whole = stream.outputs(of: [stream.length])
        #expect(stream.outputs(of: lengths) == whole)
      }
    }
  }

  /// The step over the slots that a position sees gives the bits of its place in the whole.
  @Test(arguments: InstructionSet.available)
  func stepEqualsThePosition(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      for (heads, width) in AttendedStream.shapes {
        let stream = AttendedStream(length: 70, heads: heads, width: width)
        let tree = Tree(length: stream.length, banks: stream.banks)
        let slots = stream.slots(of: stream.parts([stream.length])[0])
        let views = (0..<stream.length).map { position in
          slots.rows(at: tree.viewOfTheRule(at: position).map(\.row))
        }
        let steps = stream.tokens.singleVectorAttention(over: views, heads: stream.heads)
        #expect(steps == stream.outputs(of: [stream.length]))
      }
    }
  }

  /// Scores of ±10,000 times a head's width give the value of the largest, or a mean of equals.
  @Test(arguments: InstructionSet.available, [0, 1, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      let (tree, heads, width) = (Tree(start: 5, length: 20, banks: 2), 2, 6)
      let alternating = (0..<tree.rowCount * 2 * width).map {
        ($0 / (2 * width)).isMultiple(of: 2) ? size : -size
      }
      let keys = Tensor(shape: [tree.length, width], repeating: 1)
      for slots in [
        Tensor(shape: [tree.rowCount, 2 * width], repeating: size),
        Tensor(shape: [tree.rowCount, 2 * width], scalars: alternating),
      ] {
        let (output, logNormalizer) = slots.singleVectorAttention(
          keys: keys, of: tree, heads: heads)
        #expect(output.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
        let (d_slots, d_keys) = slots.singleVectorAttentionPullback(
          keys, keys: keys, output: output, logNormalizer: logNormalizer, of: tree)
        #expect(
          (logNormalizer.scalars + d_slots.scalars + d_keys.scalars).allSatisfy { $0.isFinite })
        let step = keys.rows(0..<1).singleVectorAttention(over: [slots], heads: heads)
        #expect(step.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
      }
    }
  }

  @Test func trapsOnHeadsThatDoNotDivideTheWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1, 8], repeating: 0).singleVectorAttention(
        keys: Tensor(shape: [1, 4], repeating: 0), of: Tree(length: 1, banks: 1), heads: 3)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 4], repeating: 0).singleVectorAttention(
        over: StreamTrees(streams: 1, width: 4, banks: 1), heads: 1)
    }
  }
}

extension Tree {
  /// The nodes that position `index` of this part sees by the rule, in the kernels' order.
  func viewOfTheRule(at index: Int) -> [(level: Int, bank: Int, node: Int, row: Int)] {
    let position = start + index
    var view = [(level: 0, bank: 0, node: position)]
    for level in (1...).prefix(while: { position + 1 >= 1 << $0 }) {
      for bank in 0..<banks {
        view.append((level, bank, ((position + 1) >> level) - 1))
      }
    }
    return view.map { level, bank, node in
      let nodes = self.level(level, bank: bank)
      return (level, bank, node, nodes.rows.lowerBound + node - nodes.first)
    }
  }
}

/// Expects every position of `tree` to see what the rule says.
///
/// All scores are 0 and values name their nodes, so the output times the number of slots says which
/// nodes it is the mean of.
private func expectViewsOfTheRule(
  _ tree: Tree, sourceLocation: SourceLocation = #_sourceLocation
) {
  // Per bank and level two features: one counts the nodes, the other adds their indices.
  let width = 2 * (1 + tree.banks * tree.levels)
  func feature(level: Int, bank: Int) -> Int {
    level == 0 ? 0 : 2 * (1 + bank * tree.levels + level - 1)
  }
  var slots = [Float](repeating: 0, count: tree.rowCount * 2 * width)
  for level in 0...tree.levels {
    for bank in 0..<(level == 0 ? 1 : tree.banks) {
      let nodes = tree.level(level, bank: bank)
      for row in nodes.rows {
        let value = row * 2 * width + width + feature(level: level, bank: bank)
        slots[value] = 1
        slots[value + 1] = Float(nodes.first + row - nodes.rows.lowerBound)
      }
    }
  }
  let output = Tensor(shape: [tree.rowCount, 2 * width], scalars: slots).singleVectorAttention(
    keys: Tensor(shape: [tree.length, width], repeating: 0), of: tree, heads: 1
  ).output.scalars
  for position in 0..<tree.length {
    let view = tree.viewOfTheRule(at: position)
    var expected = [Float](repeating: 0, count: width)
    for slot in view {
      expected[feature(level: slot.level, bank: slot.bank)] = 1
      expected[feature(level: slot.level, bank: slot.bank) + 1] = Float(slot.node)
    }
    let sums = output[position * width..<(position + 1) * width].map {
      ($0 * Float(view.count)).rounded()
    }
    if sums != expected {
      Issue.record(
        "position \(position) of \(tree) sees \(sums) instead of \(expected)",
        sourceLocation: sourceLocation)
    }
  }
}

/// A stream with a pairwise summarizer, whose tokens are the keys and whose nodes, twice side by
/// side, the slots.
private struct AttendedStream {
  let length: Int
  let banks = 2
  let heads, width: Int
  let tokens, weight, bias: Tensor

  /// Heads and widths that leave vectors part empty, and that fill them.
  static let shapes = [(2, 6), (1, 16), (2, 32), (4, 32), (8, 16), (16, 16)]

  init(length: Int, heads: Int, width: Int) {
    self.length = length
    self.heads = heads
    self.width = width
    tokens = .random([length, width], seed: 1)
    weight = .random([banks, 2 * width, width], seed: 2).scaled(by: 1.8 / Float(width))
    bias = .random([banks, width], seed: 3)
  }

  func parts(_ lengths: [Int]) -> [StreamedTree] {
    StreamedTree.parts(lengths, of: tokens, banks: banks) {
      $0.pairwiseSummary(of: $1, carried: $2, weight: weight, bias: bias)
    }
  }

  func slots(of part: StreamedTree) -> Tensor {
    let twice = (0..<part.tree.rowCount).flatMap { row in
      let node = part.nodes.rows(row..<row + 1).scalars
      return node + node
    }
    return Tensor(shape: [part.tree.rowCount, 2 * width], scalars: twice)
  }

  func outputs(of lengths: [Int]) -> Tensor {
    Tensor.concatenatingRows(
      parts(lengths).map { part in
        let keys = tokens.rows(part.tree.start..<part.tree.start + part.tree.length)
        return slots(of: part).singleVectorAttention(keys: keys, of: part.tree, heads: heads).output
      })
  }
}

extension Tensor {
  /// The attention of every row to its own table of slots.
  fileprivate func singleVectorAttention(over slots: [Tensor], heads: Int) -> Tensor {
    let context = ExecutionContext.current
    return Tensor(shape: shape) { output in
      let tables: [UnsafePointer<Float>?] = slots.map(\.base)
      let counts = slots.map { $0.shape[0] }
      tables.withUnsafeBufferPointer { tables in
        counts.withUnsafeBufferPointer { counts in
          var arguments = lmn_single_vector_attention_step(
            streams: shape[0], width: shape[1], heads: heads, slots: tables.baseAddress,
            counts: counts.baseAddress, keys: base, output: output)
          lmn_single_vector_attention_step_forward(
            context.instructionSet.context(threads: context.threadCount), &arguments)
        }
      }
    }
  }
}
