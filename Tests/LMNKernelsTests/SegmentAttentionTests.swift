import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SegmentAttentionTests {
  private static let shapes = [
    (1, 1), (2, 2), (3, 3), (1, 8), (4, 8), (2, 17), (2, 33), (1, 64), (1, 128), (1, 256),
  ]

  /// Lengths around segments, segments around blocks of 64 queries, slots around vectors and tiles.
  static let chunks: [SegmentChunk] = {
    let lengths = [1, 2, 7, 16, 31, 33, 64, 65, 96, 127, 130, 200]
    let segments = [1, 2, 5, 8, 16, 31, 63, 64, 65, 100, 200]
    let slots = [0, 1, 3, 8, 16, 17, 96, 100]
    return combinations(120, of: lengths, segments, slots, shapes).enumerated().map { index, size in
      let (length, segment, slots, shape) = size
      var chunk = SegmentChunk(
        length: length, before: index % 3 == 0 ? (7 * index) % segment : 0, segment: segment,
        slots: slots, heads: shape.0, headWidth: shape.1, isCausal: index % 4 != 1,
        hasTokens: index % 8 != 5 || slots == 0, hasBias: index % 5 != 2)
      if index % 4 == 2 {
        // Some segments without tokens, some with few.
        chunk.counts = (0..<chunk.segments).map { g -> Int32 in
          let tokens = min(segment, chunk.rows - g * segment)
          let counts: [Int] = [0, tokens, tokens / 2, min(tokens, 1)]
          return Int32(counts[(g + index) % 4])
        }
      }
      return chunk
    }
  }()
  static let steps: [KernelCall] = {
    let positions: [[Int64]] = [[0], [0, 1, 2, 63], [64, 65, 200, 5], [130, 127, 128, 1100]]
    return combinations(40, of: positions, [1, 5, 64, 200, 1024], [1, 3, 16, 64, 600], shapes).map {
      positions, segment, slots, shape in
      segmentAttentionStep(
        at: positions, segment: segment, slots: slots, heads: shape.0, headWidth: shape.1)
    }
  }()

  static let sharedCalls =
    [
      SegmentChunk(length: 150, before: 10, segment: 40, slots: 5, heads: 4, headWidth: 5),
      SegmentChunk(
        length: 140, segment: 70, slots: 3, heads: 3, headWidth: 16, isCausal: false,
        counts: [70, 33]),
    ].flatMap { [segmentAttention($0), segmentAttentionPullback($0)] }
    + [
      segmentAttentionStep(at: [3, 64, 200, 0], segment: 64, slots: 16, heads: 2, headWidth: 8)
    ]

  @Test(
    arguments: InstructionSet.tuned, chunks.map { segmentAttention($0) } + steps + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.tuned, chunks.map { segmentAttentionPullback($0) })
  func pullbackAgreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// By hand: with equal scores the output is the mean of the slots' values, 100, and of the values
  /// of the segment up to the query.
  @Test(arguments: InstructionSet.available, [1, 3, 64, 65])
  func givesMeansOfSlotsAndSegment(_ instructionSet: InstructionSet, segment: Int) {
    computing(on: instructionSet) {
      let (length, before) = (130, segment / 2)
      let segments = (before + length + segment - 1) / segment
      let found = Tensor(shape: [length, 1], repeating: 0).segmentAttention(
        slots: Tensor(
          shape: [segments * 2, 2],
          scalars: (0..<segments * 2).flatMap { _ -> [Float] in [1, 100] }),
        tokens: Tensor(
          shape: [before + length, 2],
          scalars: (0..<before + length).flatMap { token -> [Float] in [1, Float(token)] }),
        bias: Tensor(shape: [1, segment], repeating: 0),
        SegmentAttentionShape(heads: 1, segment: segment, slots: 2)
      ).output.scalars
      var expected: [Float] = []
      for token in before..<before + length {
        let first = token / segment * segment
        var sum: Float = 200
        for seen in first...token { sum += Float(seen) }
        expected.append(sum / Float(3 + token - first))
      }
      expectClose(
        found, expected, within: expected.map { Rounding.error(400) * Double($0) }, "means")
    }
  }

  /// Scores of ±10,000 give finite outputs and cotangents.
  @Test(arguments: InstructionSet.available, [0, 1, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      let (length, width, shape) = (
        70, 4, SegmentAttentionShape(heads: 2, segment: 20, slots: 2)
      )
      let queries = Tensor(shape: [length, width], repeating: size)
      let (slots, tokens) = (
        Tensor(shape: [8, 2 * width], repeating: size),
        Tensor(shape: [length, 2 * width], repeating: -size)
      )
      let bias = Tensor(shape: [2, 20], repeating: size)
      let (output, logNormalizer) = queries.segmentAttention(
        slots: slots, tokens: tokens, bias: bias, shape)
      #expect(output.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
      let pulled = queries.segmentAttentionPullback(
        Tensor(shape: output.shape, repeating: 1), slots: slots, tokens: tokens, bias: bias,
        output: output, logNormalizer: logNormalizer, shape)
      #expect(
        [logNormalizer, pulled.queries, pulled.slots, pulled.tokens!, pulled.bias!].allSatisfy {
          $0.scalars.allSatisfy(\.isFinite)
        })
    }
  }

  /// Of scores of several hundred, too, since products with subnormal numbers are slow.
  @Test(arguments: InstructionSet.tuned)
  func nothingIsSubnormal(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let shape = SegmentAttentionShape(heads: 2, segment: 20, slots: 2)
      let queries = Tensor.random([70, 8], seed: 1).scaled(by: 100)
      let (slots, tokens) = (Tensor.random([8, 16], seed: 2), Tensor.random([70, 16], seed: 3))
      let bias = Tensor.random([2, 20], seed: 4)
      let (output, logNormalizer) = queries.segmentAttention(
        slots: slots, tokens: tokens, bias: bias, shape)
      let pulled = queries.segmentAttentionPullback(
        .random([70, 8], seed: 5), slots: slots, tokens: tokens, bias: bias, output: output,
        logNormalizer: logNormalizer, shape)
      for values in [output, pulled.queries, pulled.slots, pulled.tokens!, pulled.bias!] {
        #expect(values.scalars.allSatisfy { !$0.isSubnormal })
      }
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) { attend(segment: 1025, biases: 1025) }
    await #expect(processExitsWith: .failure) { attend(segment: 0, biases: 0) }
    await #expect(processExitsWith: .failure) { attend(segment: 4, biases: 3) }
  }
}

/// Attention of two tokens to a slot and to themselves.
private func attend(segment: Int, biases: Int) {
  _ = Tensor(shape: [2, 4], repeating: 0).segmentAttention(
    slots: Tensor(shape: [1, 8], repeating: 0), tokens: Tensor(shape: [2, 8], repeating: 0),
    bias: Tensor(shape: [1, biases], repeating: 0),
    SegmentAttentionShape(heads: 1, segment: segment, slots: 1))
}
