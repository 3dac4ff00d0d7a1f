import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct DiscretizationTests {
  static let calls =
    awkwardSizes.filter { $0 < 70 }.flatMap { states in
      [1, 3].flatMap {
        [forward(width: $0, states: states), backward(width: $0, states: states)]
      }
    }
  static let sharedCalls = [forward(width: 70, states: 33), backward(width: 70, states: 33)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Real transitions, where a and w are real functions of the standard library, at steps from
  /// tiny to large.
  @Test(arguments: InstructionSet.available, [-30, -12, -7, -2, 0, 2] as [Float])
  func agreesWithTheDefinition(_ instructionSet: InstructionSet, logStep: Float) {
    let logDecay: [Float] = [-30, -3, -0.7, 0, 0.7, 2]
    let coefficients = computing(on: instructionSet) {
      Discretization(
        logStep: Tensor(shape: [1], scalars: [logStep]),
        logDecay: Tensor(shape: [1, 6], scalars: logDecay),
        frequency: Tensor(shape: [1, 6], repeating: 0),
        output: Tensor(shape: [1, 6, 2], repeating: 1)
      ).coefficients.scalars
    }
    for (n, logDecay) in logDecay.enumerated() {
      let A = -exp(Double(logDecay))
      let w = 2 * expm1(exp(Double(logStep)) * A) / A
      let expected = [exp(exp(Double(logStep)) * A), 0, w, w].map(Float.init)
      expectClose(
        Array(coefficients[4 * n..<4 * n + 4]), expected, within: [4e-6, 0, 1e-5 * w, 1e-5 * w],
        "decay \(logDecay)")
    }
  }

  /// Parameters far from any that are learned: finite, and no subnormal numbers.
  @Test(arguments: InstructionSet.available)
  func staysFiniteAndNormal(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let far: [Float] = [-40, -20, 0, 20, 40]
      for logDecay in far {
        let discretization = Discretization(
          logStep: Tensor(shape: [5], scalars: far),
          logDecay: Tensor(shape: [5, 3], repeating: logDecay),
          frequency: Tensor(shape: [5, 3], scalars: (0..<15).map { [0, 3, 1e4][$0 % 3] }),
          output: Tensor(shape: [5, 3, 2], repeating: 1))
        let coefficients = discretization.coefficients
        #expect(coefficients.scalars.allSatisfy { $0 == 0 || $0.isNormal })
        for n in 0..<3 {
          for e in 0..<5 {
            let a = (coefficients.scalars[n * 20 + e], coefficients.scalars[n * 20 + 5 + e])
            #expect(a.0 * a.0 + a.1 * a.1 <= 1.00001)
          }
        }
        let pulled = discretization.pullback(Tensor(shape: [3, 4, 5], repeating: 1))
        let all = pulled.logStep.scalars + pulled.logDecay.scalars + pulled.frequency.scalars
        #expect((all + pulled.output.scalars).allSatisfy { $0.isFinite }, "log decay \(logDecay)")
      }
    }
  }
}

// MARK: - Bounds

/// Roundings of an exponential.
private let R = Double(Exponential.roundings)

/// A state of a channel and bounds of the errors of its exponentials, in roundings.
///
/// z = Δ A has an error of (2R + 1) roundings. The angle as turns has three more, times its size;
/// sine and cosine of half an angle have eight (five fused products, a product, and the
/// polynomial's own), the direction from them 45. Below |z| = 1 mean and slope are sums of
/// magnitude e of twelve terms by complex products, of four roundings each, and have slopes of at
/// most 1/2; above, they are quotients by z of sums of two terms.
private struct Example {
  let step: Double
  let A, C: (re: Double, im: Double)
  let size: Double

  init(logStep: Float, logDecay: Float, frequency: Float, re: Float, im: Float) {
    step = exp(Double(logStep))
    A = (-exp(Double(logDecay)), Double(frequency))
    C = (Double(re), Double(im))
    size = step * hypot(A.re, A.im)
  }

  /// Magnitude of a.
  var decay: Double { exp(step * A.re) }
  var error: Double { (2 * R + 4) * size + R + 45 }
  var meanError: Double { 7 * R + 200 }
  var slopeError: Double { 11 * R + 280 }
  /// Magnitude of 2 Δ C.
  var weight: Double { 2 * step * hypot(C.re, C.im) }
}

private func examples(_ inputs: [[Float]], width: Int, states: Int) -> [Example] {
  (0..<width * states).map { index in
    Example(
      logStep: inputs[0][index / states], logDecay: inputs[1][index], frequency: inputs[2][index],
      re: inputs[3][2 * index], im: inputs[3][2 * index + 1])
  }
}

/// Steps from tiny to large, and angles of several turns.
private func inputs(width: Int, states: Int) -> [[Float]] {
  var values = SeededValues(seed: 1)
  return [
    values.floats(width, in: -9...0), values.floats(width * states, in: -2...2),
    values.floats(width * states, in: -60...60), values.floats(width * states * 2),
  ]
}

private func forward(width: Int, states: Int) -> KernelCall {
  let inputs = inputs(width: width, states: states)
  return KernelCall(
    "discretization, E \(width), P \(states)", inputs: inputs,
    accuracy: .bounded { _ in
      let examples = examples(inputs, width: width, states: states)
      return [
        (0..<states * 4 * width).map { place in
          let (e, part, n) = (place % width, place / width % 4, place / width / 4)
          let x = examples[e * states + n]
          // The product's own roundings, the reference's, and that of small values.
          return Rounding.unit
            * (part < 2 ? x.decay * (x.error + 4) : x.weight * (x.meanError + R + 10))
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_discretization(
      width: width, states: states, log_dt: arrays.input(inputs[0]),
      log_a_real: arrays.input(inputs[1]), a_imag: arrays.input(inputs[2]),
      c: arrays.input(inputs[3]), coefficients: arrays.output(4 * states * width))
    lmn_discretization_forward(context, &arguments)
  }
}

private func backward(width: Int, states: Int) -> KernelCall {
  var values = SeededValues(seed: 2)
  let inputs = inputs(width: width, states: states) + [values.floats(4 * states * width)]
  return KernelCall(
    "discretization's pullback, E \(width), P \(states)", inputs: inputs,
    accuracy: .bounded { _ in
      let examples = examples(inputs, width: width, states: states)
      var steps = [Double](repeating: 0, count: width)
      var bounds: [[Double]] = [[], [], []]
      for (index, x) in examples.enumerated() {
        let (e, n) = (index / states, index % states)
        let d = (0..<4).map { Double(inputs[4][(4 * n + $0) * width + e]) }
        let (d_a, d_w) = (hypot(d[0], d[1]), hypot(d[2], d[3]))
        let extra = R + 10
        let ofA =
          x.step * x.decay * d_a * (x.error + extra)
          + x.step * x.weight * d_w * (x.slopeError + 2 * extra)
        let sizes = x.step * x.decay * d_a + x.step * x.weight * d_w / 2
        bounds[0].append(Rounding.unit * -x.A.re * (ofA + sizes * extra))
        bounds[1].append(Rounding.unit * (ofA + 2 * sizes))
        let c = Rounding.unit * 2 * x.step * d_w * (x.meanError + extra)
        bounds[2] += [c, c]
        let along = x.decay * x.size * d_a + x.weight * x.decay * d_w
        steps[e] +=
          Rounding.unit * along * (x.error + 2 * extra + Double(Rounding.ofDot(states)))
      }
      return [steps] + bounds
    }
  ) { context, arrays, inputs in
    var arguments = lmn_discretization_grad(
      width: width, states: states, log_dt: arrays.input(inputs[0]),
      log_a_real: arrays.input(inputs[1]), a_imag: arrays.input(inputs[2]),
      c: arrays.input(inputs[3]), d_coefficients: arrays.input(inputs[4]),
      d_log_dt: arrays.output(width), d_log_a_real: arrays.output(width * states),
      d_a_imag: arrays.output(width * states), d_c: arrays.output(2 * width * states))
    lmn_discretization_backward(context, &arguments)
  }
}
