import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SinusoidTests {
  static let calls = awkwardSizes.flatMap { width in
    [[], [0], [1, 0, 511, 512, 1_000_000], [1 << 40, 12_345_678_901]].map {
      sinusoids(at: $0, width: width)
    }
  }
  static let sharedCalls = [
    sinusoids(at: Array(100..<130), width: 200), sinusoids(at: Array(0..<1100), width: 9),
  ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Compares with the exact values at eighths of a turn.
  @Test(arguments: InstructionSet.available)
  func agreesAtEighthsOfATurn(_ instructionSet: InstructionSet) {
    let found = computing(on: instructionSet) {
      Tensor.sinusoids(at: PositionBuffer(0..<9), frequencies: Buffer([0.125]), width: 2).scalars
    }
    let half = Float(0.5).squareRoot()
    let sines: [Float] = [0, half, 1, half, 0, -half, -1, -half, 0]
    let expected = (0..<9).flatMap { [sines[$0], sines[($0 + 2) % 8]] }
    expectClose(found, expected, within: expected.map { _ in 2e-7 }, "eighths")
  }

  /// Every run reads the current positions.
  @Test func isRecordedWithPositionsThatMoveOn() {
    let positions = PositionBuffer([3, 40] as [Int64])
    let frequencies = Buffer([0.01, 0.003])
    func vectors(at positions: PositionBuffer) -> Tensor {
      .sinusoids(at: positions, frequencies: frequencies, width: 3)
    }
    var found: Tensor?
    let recording = Recording(in: .current) {
      found = vectors(at: positions)
      positions.advance()
    }
    for run in 1...5 {
      recording.run(in: .current)
      #expect(found == vectors(at: PositionBuffer([3, 40].map { $0 + Int64(run) })))
    }
    #expect(Array(positions.elements) == [9, 46])
  }

  @Test func trapsOnMissingFrequencies() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor.sinusoids(at: [0], frequencies: Buffer([1]), width: 3)
    }
  }
}

private func sinusoids(at positions: [Int64], width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let frequencies = values.floats((width + 1) / 2, in: 0...0.5).map(Double.init)
  return KernelCall(
    "\(positions.count) positions up to \(positions.max() ?? 0), width \(width), seed \(seed)",
    inputs: [],
    // The turn is rounded to float32. Its square has one rounding and occurs in up to four factors,
    // then there are four fused products and one more: nine, times 2.31, the ratio of the terms'
    // absolute sum to the sine of a quarter turn; the error of the polynomial is one, the
    // reference's rounding another. In double precision, turns are rounded twice.
    accuracy: .bounded { expected in
      [
        expected[0].enumerated().map { index, y in
          let turns = Double(positions[index / width]) * frequencies[index % width / 2]
          return Rounding.error(24) * Double(abs(y)) + 2 * .pi * (turns + 1) * 0x1p-52
        }
      ]
    }
  ) { context, arrays, _ in
    let (positions, frequencies) = (Buffer(positions), Buffer(frequencies))
    withExtendedLifetime((positions, frequencies)) {
      var arguments = lmn_sinusoid(
        rows: positions.count, width: width, positions: positions.elements.baseAddress,
        frequencies: frequencies.elements.baseAddress,
        encodings: arrays.output(positions.count * width))
      lmn_sinusoid_forward(context, &arguments)
    }
  }
}
