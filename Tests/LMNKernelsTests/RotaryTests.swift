import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RotaryTests {
  static let calls: [KernelCall] = {
    let positions: [[Int64]] = [
      [], [0], [1, 0, 511, 512, 1_000_000], [1 << 40, 12_345_678_901],
    ]
    return combinations(
      60, of: [1, 2, 3, 4, 8, 16, 17, 64, 128], [1, 2, 5], [0, 1, 7, 40], positions, [true, false]
    ).map { pairs, heads, others, positions, isInverse in
      rotary(pairs: pairs, heads: heads, others: others, at: positions, isInverse: isInverse)
    }
  }()
  static let sharedCalls = [
    rotary(pairs: 32, heads: 8, others: 256, at: Array(100..<130), isInverse: false),
    rotary(pairs: 4, heads: 2, others: 3, at: Array(0..<1100), isInverse: true),
  ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// By hand: a quarter of a turn takes (a, b) to (−b, a), half a turn to (−a, −b).
  @Test(arguments: InstructionSet.available)
  func rotatesByQuartersOfATurn(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let rotary = Rotary(frequencies: Buffer([0.25, 0.5]))
      let x = Tensor(
        shape: [3, 5], scalars: [Float](repeatElement([1, 2, 3, 4, 9], count: 3).joined()))
      let found = x.rotated(by: rotary, heads: 1, at: PositionBuffer(0..<3)).scalars
      let expected: [Float] = [1, 2, 3, 4, 9, -3, -2, 1, -4, 9, -1, 2, -3, 4, 9]
      expectClose(found, expected, within: expected.map { _ in 2e-6 }, "quarters")
    }
  }

  /// Every run reads the current positions.
  @Test func isRecordedWithPositionsThatMoveOn() {
    let rotary = Rotary(frequencies: Buffer([0.01, 0.003]))
    let (x, positions) = (Tensor.random([2, 9], seed: 1), PositionBuffer([3, 40] as [Int64]))
    var found: Tensor?
    let recording = Recording(in: .current) {
      found = x.rotated(by: rotary, heads: 2, at: positions)
      positions.advance()
    }
    for run in 1...5 {
      recording.run(in: .current)
      let now = PositionBuffer([3, 40].map { $0 + Int64(run) })
      #expect(found == x.rotated(by: rotary, heads: 2, at: now))
    }
  }

  @Test func trapsOnMoreHeadsThanFeatures() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1, 7], repeating: 0).rotated(
        by: Rotary(frequencies: Buffer([1, 1])), heads: 2, at: [0])
    }
  }
}

private func rotary(
  pairs: Int, heads: Int, others: Int, at positions: [Int64], isInverse: Bool, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let frequencies = values.floats(pairs, in: 0...0.5).map(Double.init)
  let width = 2 * pairs * heads + others
  return KernelCall(
    "\(heads) heads of \(pairs) pairs and \(others) others at \(positions.count) positions up to "
      + "\(positions.max() ?? 0)\(isInverse ? ", inverse" : "")",
    inputs: [values.floats(positions.count * width)],
    // Sines and cosines as of sinusoids, times values of at most 1: two products and a sum.
    accuracy: .bounded { expected in
      [
        expected[0].indices.map { index in
          let feature = index % width
          if feature >= 2 * pairs * heads { return 0 }
          let turns = Double(positions[index / width]) * frequencies[feature % pairs]
          return 2 * (Rounding.error(24) + 2 * .pi * (turns + 1) * 0x1p-52) + 2 * Rounding.error(4)
        }
      ]
    }
  ) { context, arrays, inputs in
    let (positions, frequencies) = (Buffer(positions), Buffer(frequencies))
    withExtendedLifetime((positions, frequencies)) {
      var arguments = lmn_rotary(
        rows: positions.count, width: width, heads: heads, head_width: 2 * pairs,
        inverse: isInverse, positions: positions.elements.baseAddress,
        frequencies: frequencies.elements.baseAddress, x: arrays.input(inputs[0]),
        rotated: arrays.output(positions.count * width))
      lmn_rotary_forward(context, &arguments)
    }
  }
}
