import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RMSNormTests {
  static let calls =
    awkwardSizes.flatMap { width in
      [0, 1, 2, 7].flatMap { rows in
        [norm(rows: rows, width: width), pullback(rows: rows, width: width)]
      }
    } + [255, 256, 257, 513].map { pullback(rows: $0, width: 18) }
    // An epsilon as large as the mean square.
    + [1, 33].map { norm(rows: 7, width: $0, epsilon: 0.5) }
  static let sharedCalls = [(30, 200), (1100, 70), (5, 1100)].flatMap { rows, width in
    [norm(rows: rows, width: width), pullback(rows: rows, width: width)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, [0, 1, -1e-20, 1e15] as [Float])
  func staysFiniteOnConstants(_ instructionSet: InstructionSet, value: Float) {
    computing(on: instructionSet) {
      let x = Tensor(shape: [3, 19], repeating: value)
      let gain = Tensor(shape: [19], repeating: 2)
      let (normalized, scale) = x.rmsNorm(gain: gain, epsilon: .ulpOfOne)
      #expect(normalized.scalars.allSatisfy { abs($0) <= 2.001 })
      let (d_x, d_gain) = x.rmsNormPullback(
        Tensor(shape: [3, 19], repeating: 1), gain: gain, scale: scale)
      #expect((d_x.scalars + d_gain!.scalars).allSatisfy { $0.isFinite })
    }
  }

  @Test func trapsOnAGainOfAnotherWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).rmsNorm(
        gain: Tensor(shape: [2], repeating: 0), epsilon: 1)
    }
  }
}

private func norm(
  rows: Int, width: Int, epsilon: Float = .ulpOfOne, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  // The squares' sum, its mean, epsilon, root, quotient and the reference's rounding; the root
  // halves what came before it. A normalized value has two products more.
  let scaleRoundings = (Rounding.ofDot(width) + 2 + 1) / 2 + 2 + 1
  return KernelCall(
    "RMSNorm of [\(rows), \(width)], epsilon \(epsilon), seed \(seed)",
    inputs: [values.floats(rows * width), values.floats(width)],
    accuracy: .relative(roundings: [scaleRoundings + 2, scaleRoundings])
  ) { context, arrays, inputs in
    var arguments = lmn_rms_norm(
      rows: rows, width: width, epsilon: epsilon, x: arrays.input(inputs[0]),
      gain: arrays.input(inputs[1]), normalized: arrays.output(rows * width),
      scale: arrays.output(rows))
    lmn_rms_norm_forward(context, &arguments)
  }
}

private func pullback(rows: Int, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (x, cotangent) = (values.floats(rows * width), values.floats(rows * width))
  let (gain, scale) = (values.floats(width), values.floats(rows, in: 0.5...2))
  return KernelCall(
    "RMSNorm's pullback of [\(rows), \(width)], seed \(seed)",
    inputs: [x, gain, scale, cotangent],
    // d_x: gain's product, the dot, four factors of `back`, its fused product, the scale's, and the
    // reference's rounding. d_gain: a product, the rows and their blocks, and the reference's.
    accuracy: .bounded { _ in
      var magnitudes = [Double](repeating: 0, count: x.count)
      var gainMagnitudes = [Double](repeating: 0, count: width)
      for row in 0..<rows {
        let scale = Double(scale[row])
        let indices = row * width..<(row + 1) * width
        let along = indices.reduce(0) { $0 + Double(abs(gain[$1 % width] * cotangent[$1] * x[$1])) }
        for index in indices {
          let (x, dy) = (Double(abs(x[index])), Double(abs(cotangent[index])))
          magnitudes[index] =
            scale
            * (Double(abs(gain[index % width])) * dy + x * scale * scale * along / Double(width))
          gainMagnitudes[index % width] += dy * x * scale
        }
      }
      return [
        magnitudes.map { Rounding.error(1 + Rounding.ofDot(width) + 4 + 3) * $0 },
        gainMagnitudes.map { Rounding.error(rows + 3) * $0 },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_rms_norm_grad(
      rows: rows, width: width, x: arrays.input(inputs[0]), gain: arrays.input(inputs[1]),
      scale: arrays.input(inputs[2]), d_normalized: arrays.input(inputs[3]),
      d_x: arrays.output(rows * width), d_gain: arrays.output(width))
    lmn_rms_norm_backward(context, &arguments)
  }
}
