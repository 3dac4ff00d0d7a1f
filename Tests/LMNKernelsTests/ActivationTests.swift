import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct ActivationTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    Function.allCases.flatMap {
      [activated(by: $0, count: count), pullback(of: $0, count: count)]
    }
  }
  static let sharedCalls = Function.allCases.flatMap {
    [activated(by: $0, count: 9 * 1024 + 5), pullback(of: $0, count: 9 * 1024 + 5)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Even steps over the curved part, and far values.
  @Test(arguments: InstructionSet.tuned, Function.allCases)
  func agreesWithReferenceEverywhere(_ instructionSet: InstructionSet, _ function: Function) {
    let far = (0...100_000).map { Float($0 - 50_000) / 500 }
    let x = far + far.map { $0 / 8 }
    activated(by: function, x: x).expectReferenceResults(on: instructionSet)
    pullback(of: function, x: x, cotangent: x.map { _ in 1 })
      .expectReferenceResults(on: instructionSet)
  }

  /// Compares with other definitions, in double precision.
  @Test(arguments: InstructionSet.available)
  func agreeWithTheirDefinitions(_ instructionSet: InstructionSet) {
    let x: [Float] = [-3, -1, -0.25, 0, 0.5, 1, 2.5]
    let definitions: [(Function, (Double) -> Double)] = [
      (.silu, { $0 / (1 + exp(-$0)) }),
      (.gelu, { $0 * (1 + erf($0 / 2.0.squareRoot())) / 2 }),
      (.relu, { max($0, 0) }),
      (.sigmoid, { 1 / (1 + exp(-$0)) }),
    ]
    for (function, definition) in definitions {
      let found = computing(on: instructionSet) {
        function.tensor(Tensor(shape: [7], scalars: x))
      }
      expectClose(
        found.scalars, x.map { Float(definition(Double($0))) },
        within: x.map { 1e-6 * (function == .sigmoid ? 1 : Double(abs($0))) }, "\(function)")
    }
  }

  /// Includes values where exp(−x) overflows, and where the logarithm is below the rounding error.
  @Test(arguments: InstructionSet.available)
  func logSigmoidIsThatOfTheSigmoid(_ instructionSet: InstructionSet) {
    let x: [Float] = [-1e30, -1000, -90, -20, -1, -0.0, 0, 0.5, 3, 15, 20, 90, 1000, 1e30]
    let found = computing(on: instructionSet) { Tensor(shape: [14], scalars: x).logSigmoid() }
    let expected = x.map { $0 < -700 ? Double($0) : -log1p(exp(-Double($0))) }
    expectClose(
      found.scalars, expected.map(Float.init),
      within: zip(x, expected).map { bound(of: .logSigmoid, x: $0, y: Float($1)) }, "log sigmoid")
    #expect(found.scalars.allSatisfy { $0 <= 0 })
  }

  @Test(arguments: InstructionSet.available, Function.allCases)
  func staysFinite(_ instructionSet: InstructionSet, _ function: Function) {
    computing(on: instructionSet) {
      let x = Tensor(
        shape: [9], scalars: [0, -0.0, 1e-38, -.leastNonzeroMagnitude, 80, -80, 1e4, -1e4, -1e30])
      let values = function.tensor(x).scalars
      #expect(values.allSatisfy { $0.isFinite })
      let atZero: Float = function == .sigmoid ? 0.5 : 0
      #expect(function == .logSigmoid || values.prefix(2) == [atZero, atZero])
      #expect(function.pullback(x, x).scalars.allSatisfy { $0.isFinite })
    }
  }

  @Test(arguments: InstructionSet.available, Function.allCases)
  func keepsNotANumber(_ instructionSet: InstructionSet, _ function: Function) {
    let x = Tensor(shape: [4], scalars: [1, .nan, -1, -.nan])
    let found = computing(on: instructionSet) { function.tensor(x).scalars.map(\.isNaN) }
    #expect(found == [false, true, false, true])
  }
}

/// Elementwise functions: the activations, the sigmoid and its logarithm.
enum Function: String, CaseIterable {
  case silu, gelu, relu, sigmoid, logSigmoid

  func tensor(_ x: Tensor) -> Tensor {
    switch self {
    case .silu: x.silu()
    case .gelu: x.gelu()
    case .relu: x.relu()
    case .sigmoid: x.sigmoid()
    case .logSigmoid: x.logSigmoid()
    }
  }

  func pullback(_ x: Tensor, _ cotangent: Tensor) -> Tensor {
    switch self {
    case .silu: x.siluPullback(cotangent)
    case .gelu: x.geluPullback(cotangent)
    case .relu: x.reluPullback(cotangent)
    case .sigmoid: x.sigmoidPullback(cotangent)
    case .logSigmoid: x.logSigmoidPullback(cotangent)
    }
  }

  var forward: @Sendable (lmn_context, UnsafePointer<lmn_activation>?) -> Void {
    switch self {
    case .silu: lmn_silu_forward
    case .gelu: lmn_gelu_forward
    case .relu: lmn_relu_forward
    case .sigmoid: lmn_sigmoid_forward
    case .logSigmoid: lmn_log_sigmoid_forward
    }
  }

  var backward: @Sendable (lmn_context, UnsafePointer<lmn_activation_grad>?) -> Void {
    switch self {
    case .silu: lmn_silu_backward
    case .gelu: lmn_gelu_backward
    case .relu: lmn_relu_backward
    case .sigmoid: lmn_sigmoid_backward
    case .logSigmoid: lmn_log_sigmoid_backward
    }
  }
}

// MARK: - Bounds

/// Largest sigmoid where exp is cut off at -88 and the sigmoid tends to zero.
private let leftover = exp(-87.0)

/// Largest tail of the normal distribution, plus its density times 12.9, where both are cut off at
/// 12.9.
private let leftoverTail = 12.9 * (1 + 12.9) * exp(-12.9 * 12.9 / 2)

/// Roundings of a tail of the normal distribution, for its relative error.
///
/// The polynomial: t has 2 and occurs in up to nine factors, then there are eight fused products
/// and one more: 27, times 2.24, the largest ratio of the terms' absolute sum to the value; the
/// error of the coefficients is 6e-8, less than two. The exponential has its own, its correction
/// one and the neglected terms one, the product of both one.
private let tailRoundings = 61 + 2 + Exponential.roundings + 3

private func bound(of function: Function, x: Float, y: Float) -> Double {
  let y = Double(abs(y))
  switch function {
  // exp, 1 + exp, the quotient, the product, and the reference's rounding.
  case .silu: return Rounding.error(Exponential.roundings + 4) * y + leftover * Double(abs(x))
  // The tail counts at most as much as the result; a fused product and the reference's rounding.
  case .gelu: return Rounding.error(tailRoundings + 2) * y + leftoverTail
  case .relu: return 0
  // exp, 1 + exp, the quotient, and the reference's rounding.
  case .sigmoid: return Rounding.error(Exponential.roundings + 3) * y + leftover
  // min(x, 0) − log(1 + e), e = exp(−|x|): e's roundings and leftover, the sum's one, of less than
  // 2 and with a slope of at most 1, the logarithm's two; the difference and the reference's.
  case .logSigmoid:
    let e = exp(-Double(abs(x)))
    return Rounding.error(Exponential.roundings) * e + 2 * Rounding.unit
      + Rounding.error(2) * log1p(e) + Rounding.error(2) * y + leftover
  }
}

private func bound(ofPullback function: Function, x: Float, dy: Float) -> Double {
  let (x, dy) = (Double(x), Double(abs(dy)))
  switch function {
  // The sigmoid's roundings (exp + 2) count twice, as a factor and inside 1 - sigmoid; then there
  // are a difference, a fused product, two products and the reference's rounding. The terms of
  // 1 + x (1 - sigmoid) may cancel, so its magnitude is 1 + |x|.
  case .silu:
    let sigmoid = 1 / (1 + exp(-x))
    return dy * (1 + abs(x))
      * (Rounding.error(2 * (Exponential.roundings + 2) + 5) * sigmoid + leftover)
  // Tail and weighted density may cancel, so the sum of both is the magnitude; then there are a
  // difference, the product and the reference's rounding, and above 0 two sums of order 1.
  case .gelu:
    let tail = erfc(abs(x) * 0.5.squareRoot()) / 2
    let density = abs(x) * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    return dy
      * (Rounding.error(tailRoundings + 3) * (tail + density) + (x > 0 ? Rounding.error(4) * 2 : 0)
        + leftoverTail)
  case .relu: return 0
  // The sigmoids of x and -x, two products, and the reference's rounding.
  case .sigmoid:
    let slope = 1 / ((1 + exp(-x)) * (1 + exp(x)))
    return dy * (Rounding.error(2 * (Exponential.roundings + 2) + 3) * slope + leftover)
  // A sigmoid: exp, 1 + exp and the quotient; the product, and the reference's rounding.
  case .logSigmoid:
    return dy * (Rounding.error(Exponential.roundings + 4) / (1 + exp(x)) + leftover)
  }
}

// MARK: - Calls

/// Inputs of all orders of magnitude: near zero, in the curved part, and where exp is cut off.
private func inputs(_ count: Int, using values: inout SeededValues) -> [Float] {
  zip(values.floats(count), values.floats(count, in: -3...2)).map { $0 * pow(10, $1) }
}

private func activated(by function: Function, count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return activated(by: function, x: inputs(count, using: &values))
}

private func activated(by function: Function, x: [Float]) -> KernelCall {
  KernelCall(
    "\(function) of \(x.count)", inputs: [x],
    accuracy: .bounded { expected in
      [zip(x, expected[0]).map { bound(of: function, x: $0, y: $1) }]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_activation(
      count: x.count, x: arrays.input(inputs[0]), activated: arrays.output(x.count))
    function.forward(context, &arguments)
  }
}

private func pullback(of function: Function, count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let x = inputs(count, using: &values)
  return pullback(of: function, x: x, cotangent: values.floats(count))
}

private func pullback(of function: Function, x: [Float], cotangent: [Float]) -> KernelCall {
  KernelCall(
    "\(function)'s pullback of \(x.count)", inputs: [x, cotangent],
    accuracy: .bounded { _ in
      [zip(x, cotangent).map { bound(ofPullback: function, x: $0, dy: $1) }]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_activation_grad(
      count: x.count, x: arrays.input(inputs[0]), d_activated: arrays.input(inputs[1]),
      d_x: arrays.output(x.count))
    function.backward(context, &arguments)
  }
}
