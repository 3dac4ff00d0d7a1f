import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct LayerNormTests {
  static let calls =
    awkwardSizes.flatMap { width in
      [0, 1, 2, 7].flatMap { rows in
        [norm(rows: rows, width: width), pullback(rows: rows, width: width)]
      }
    } + [255, 256, 257, 513].map { pullback(rows: $0, width: 18) }
    // An epsilon as large as the variance.
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
      let (normalized, mean, scale) = x.layerNorm(gain: gain, bias: gain, epsilon: 1e-5)
      let (d_x, d_gain, d_bias) = x.layerNormPullback(
        Tensor(shape: [3, 19], repeating: 1), gain: gain, mean: mean, scale: scale)
      let results = [normalized, d_x, d_gain, d_bias].flatMap(\.scalars)
      #expect(results.allSatisfy { $0.isFinite })
    }
  }

  @Test func trapsOnABiasOfAnotherWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).layerNorm(
        gain: Tensor(shape: [3], repeating: 0), bias: Tensor(shape: [2], repeating: 0), epsilon: 1)
    }
  }
}

private func norm(
  rows: Int, width: Int, epsilon: Float = 1e-5, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  // Rows with a mean, so that the difference loses digits.
  let x = values.floats(rows * width, in: -1...2)
  let (gain, bias) = (values.floats(width), values.floats(width))
  return KernelCall(
    "LayerNorm of [\(rows), \(width)], epsilon \(epsilon), seed \(seed)", inputs: [x, gain, bias],
    accuracy: .bounded { expected in
      var bounds: [[Double]] = [[], [], []]
      for row in 0..<rows {
        let x = x[row * width..<(row + 1) * width].map(Double.init)
        // The sum, the quotient, and the reference's rounding.
        let meanBound =
          Rounding.error(Rounding.ofDot(width) + 2) * x.reduce(0) { $0 + abs($1) } / Double(width)
        let scale = Double(expected[2][row])
        // Variance: a difference that counts twice, the sum, mean and epsilon, and the square of
        // the mean's error (that error itself cancels in the sum). The root halves all this; then
        // there are root, quotient and the reference's rounding.
        let varianceBound =
          Rounding.error(2 + Rounding.ofDot(width) + 2) + meanBound * meanBound * scale * scale
        let scaleBound = varianceBound / 2 + Rounding.error(3)
        bounds[1].append(meanBound)
        bounds[2].append(scaleBound * scale)
        // A normalized value: mean and scale, a difference, a product, the fused sum with the bias
        // and the reference's rounding.
        let mean = Double(expected[1][row])
        bounds[0] += x.indices.map { index in
          let (gain, bias) = (Double(abs(gain[index])), Double(abs(bias[index])))
          let normal = abs(x[index] - mean) * scale
          return (normal * (scaleBound + Rounding.error(4)) + meanBound * scale) * gain
            + Rounding.error(2) * bias
        }
      }
      return bounds
    }
  ) { context, arrays, inputs in
    var arguments = lmn_layer_norm(
      rows: rows, width: width, epsilon: epsilon, x: arrays.input(inputs[0]),
      gain: arrays.input(inputs[1]), bias: arrays.input(inputs[2]),
      normalized: arrays.output(rows * width), mean: arrays.output(rows),
      scale: arrays.output(rows))
    lmn_layer_norm_forward(context, &arguments)
  }
}

private func pullback(rows: Int, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (x, cotangent) = (values.floats(rows * width), values.floats(rows * width))
  let gain = values.floats(width)
  let (mean, scale) = (values.floats(rows), values.floats(rows, in: 0.5...2))
  return KernelCall(
    "LayerNorm's pullback of [\(rows), \(width)], seed \(seed)",
    inputs: [x, gain, mean, scale, cotangent],
    // d_x: the normal value's two, gain's product, the dot, its mean, the product with the normal
    // value (two again) and its own, two differences, the scale's product and the reference's
    // rounding. d_gain: the normal value's two, the rows and their blocks, and the reference's.
    accuracy: .bounded { _ in
      var magnitudes = [Double](repeating: 0, count: x.count)
      var gainMagnitudes = [Double](repeating: 0, count: width)
      var biasMagnitudes = gainMagnitudes
      for row in 0..<rows {
        let (mean, scale) = (Double(mean[row]), Double(scale[row]))
        let terms = (0..<width).map { column in
          let index = row * width + column
          let dy = Double(abs(cotangent[index]))
          return (
            normal: abs(Double(x[index]) - mean) * scale, dy: dy,
            d: Double(abs(gain[column])) * dy
          )
        }
        let sum = terms.reduce(0) { $0 + $1.d } / Double(width)
        let along = terms.reduce(0) { $0 + $1.d * $1.normal } / Double(width)
        for (column, term) in terms.enumerated() {
          magnitudes[row * width + column] = scale * (term.d + sum + term.normal * along)
          gainMagnitudes[column] += term.dy * term.normal
          biasMagnitudes[column] += term.dy
        }
      }
      return [
        magnitudes.map { Rounding.error(3 + Rounding.ofDot(width) + 1 + 3 + 2 + 2) * $0 },
        gainMagnitudes.map { Rounding.error(rows + 4) * $0 },
        biasMagnitudes.map { Rounding.error(rows + 2) * $0 },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_layer_norm_grad(
      rows: rows, width: width, x: arrays.input(inputs[0]), gain: arrays.input(inputs[1]),
      mean: arrays.input(inputs[2]), scale: arrays.input(inputs[3]),
      d_normalized: arrays.input(inputs[4]), d_x: arrays.output(rows * width),
      d_gain: arrays.output(width), d_bias: arrays.output(width))
    lmn_layer_norm_backward(context, &arguments)
  }
}
