import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CausalAttentionTests {
  private static let shapes = [
    (1, 1), (2, 2), (3, 3), (1, 8), (4, 8), (2, 17), (2, 33), (1, 64), (2, 64), (1, 128), (1, 256),
  ]
  private static let windows: [Int?] = [nil, 0, 1, 5, 63, 64, 65, 200]

  /// Lengths around blocks of 64 queries and of vectors, after tokens around tiles of 64 keys.
  static let chunks: [CausalChunk] = {
    let lengths = [1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 63, 64, 65, 95, 127, 128, 129, 130]
    let befores = [0, 0, 1, 5, 63, 64, 65, 130]
    return combinations(120, of: lengths, befores, windows, shapes).map(chunk)
  }()
  /// Over 1,000 tokens, in blocks that see up to 20 tiles.
  static let longChunks: [CausalChunk] = {
    let windows: [Int?] = [nil, 5, 64, 500]
    return combinations(6, of: [1100], [0, 70], windows, [(2, 3), (1, 8)]).map(chunk)
  }()
  static let steps: [KernelCall] = {
    let positions: [[Int64]] = [
      [0], [0, 1, 2, 63], [64, 65, 200, 5], [130, 127, 128, 129, 1100],
    ]
    return combinations(40, of: positions, windows, shapes).map { positions, window, shape in
      causalAttentionStep(at: positions, window: window, heads: shape.0, headWidth: shape.1)
    }
  }()

  private static func chunk(
    length: Int, before: Int, window: Int?, shape: (heads: Int, headWidth: Int)
  ) -> CausalChunk {
    CausalChunk(
      length: length, before: before, window: window, heads: shape.heads,
      headWidth: shape.headWidth)
  }

  static let sharedCalls =
    [
      CausalChunk(length: 260, before: 5, heads: 4, headWidth: 5),
      CausalChunk(length: 200, before: 70, window: 90, heads: 3, headWidth: 16),
    ].flatMap { [causalAttention($0), causalAttentionPullback($0)] }
    + [causalAttentionStep(at: [3, 64, 200, 0], window: nil, heads: 2, headWidth: 8)]

  @Test(
    arguments: InstructionSet.tuned,
    (chunks + longChunks).map { causalAttention($0) } + steps + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(
    arguments: InstructionSet.tuned,
    (chunks + longChunks).enumerated().map {
      causalAttentionPullback($1, reachingBack: !$0.isMultiple(of: 3))
    })
  func pullbackAgreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// By hand: with equal scores the output is the mean of the values seen.
  @Test(arguments: InstructionSet.available, windows)
  func givesMeansOfTheWindow(_ instructionSet: InstructionSet, window: Int?) {
    computing(on: instructionSet) {
      let qkv = Tensor(shape: [130, 3], scalars: (0..<130).flatMap { [0, 1, Float($0)] })
      let none = Tensor(shape: [0, 1], scalars: [])
      let shape = CausalAttentionShape(heads: 1, window: window, scale: 1)
      let found = qkv.causalAttention(after: none, none, shape).output.scalars
      let expected = (0..<130).map { Float($0 + max(0, $0 - (window ?? $0))) / 2 }
      expectClose(
        found, expected, within: expected.map { Rounding.error(400) * Double($0) }, "means")
    }
  }

  /// A token that is not seen has no effect, even if it is huge.
  @Test(arguments: InstructionSet.available, [nil, 3, 64])
  func unseenTokensHaveNoEffect(_ instructionSet: InstructionSet, window: Int?) {
    computing(on: instructionSet) {
      let (length, changed, width) = (200, 70, 4)
      let none = Tensor(shape: [0, width], scalars: [])
      let shape = CausalAttentionShape(heads: 2, window: window, scale: 0.5)
      let qkv = Tensor.random([length, 3 * width], seed: 1)
      var other = qkv
      other.withMutableScalars {
        ($0 + changed * 3 * width).update(repeating: 1e15, count: 3 * width)
      }
      let (original, found) = (
        qkv.causalAttention(after: none, none, shape).output,
        other.causalAttention(after: none, none, shape).output
      )
      let after = changed + (window ?? length - changed - 1) + 1..<length
      #expect(found.rows(0..<changed) == original.rows(0..<changed))
      #expect(found.rows(after) == original.rows(after))
      #expect(found.rows(changed..<changed + 1) != original.rows(changed..<changed + 1))
    }
  }

  /// Scores of ±10,000 give the value of the largest, or a mean of equals.
  @Test(arguments: InstructionSet.available, [0, 1, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      let (length, width) = (70, 4)
      let before = Tensor(shape: [3, width], repeating: size)
      let shape = CausalAttentionShape(heads: 2, window: nil, scale: 1)
      for qkv in [
        Tensor(shape: [length, 3 * width], repeating: size),
        Tensor(
          shape: [length, 3 * width],
          scalars: (0..<length * 3 * width).map { $0 / (3 * width) % 2 == 0 ? size : -size }),
      ] {
        let (output, logNormalizer) = qkv.causalAttention(after: before, before, shape)
        #expect(output.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
        let pulled = qkv.causalAttentionPullback(
          Tensor(shape: output.shape, repeating: 1), after: before, before, output: output,
          logNormalizer: logNormalizer, shape, reachingBack: true)
        #expect(
          ([logNormalizer, pulled.qkv] + pulled.before).allSatisfy {
            $0.scalars.allSatisfy(\.isFinite)
          })
      }
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) {
      let none = Tensor(shape: [0, 4], scalars: [])
      _ = Tensor(shape: [1, 12], repeating: 0).causalAttention(
        after: none, none, CausalAttentionShape(heads: 3, window: nil, scale: 1))
    }
    await #expect(processExitsWith: .failure) {
      let none = Tensor(shape: [0, 4], scalars: [])
      _ = Tensor(shape: [1, 8], repeating: 0).causalAttention(
        after: none, none, CausalAttentionShape(heads: 1, window: nil, scale: 1))
    }
    await #expect(processExitsWith: .failure) {
      let none = Tensor(shape: [0, 512], scalars: [])
      _ = Tensor(shape: [1, 3 * 512], repeating: 0).causalAttention(
        after: none, none, CausalAttentionShape(heads: 1, window: nil, scale: 1))
    }
  }
}
