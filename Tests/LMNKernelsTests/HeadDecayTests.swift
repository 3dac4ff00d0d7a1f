import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct HeadDecayTests {
  static let calls =
    awkwardSizes.flatMap { heads in
      [0, 1, 2, 7].flatMap { rows in
        [decay(rows: rows, heads: heads), pullback(rows: rows, heads: heads)]
      }
    } + [255, 256, 257, 513].map { pullback(rows: $0, heads: 18) }
  static let sharedCalls = [(30, 200), (1100, 70), (5, 1100)].flatMap { rows, heads in
    [decay(rows: rows, heads: heads), pullback(rows: rows, heads: heads)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Compares with another definition of softplus: log(1 + exp(x)).
  @Test(arguments: InstructionSet.available)
  func agreesWithItsDefinition(_ instructionSet: InstructionSet) {
    let (x, rate, bias) = ([-3, -1, 0, 0.5, 2, 8] as [Float], -0.5 as Float, 0.25 as Float)
    let found = computing(on: instructionSet) {
      Tensor(shape: [6, 1], scalars: x).headDecay(
        logRate: Tensor(shape: [1], scalars: [rate]), bias: Tensor(shape: [1], scalars: [bias]))
    }
    let expected = x.map { -exp(Double(rate)) * log(1 + exp(Double($0 + bias))) }
    expectClose(
      found.scalars, expected.map(Float.init), within: expected.map { 1e-6 * (1 + abs($0)) },
      "decay")
  }

  /// No decay is above 0, where it would let states grow.
  @Test(arguments: InstructionSet.available)
  func isFiniteAndNotPositive(_ instructionSet: InstructionSet) {
    let x: [Float] = [-1e30, -100, -88, -20, -0.0, 0, 20, 88, 100, 1e30, 1e-38, -1e-38]
    computing(on: instructionSet) {
      let input = Tensor(shape: [12, 1], scalars: x)
      let (rate, bias) = (Tensor(shape: [1], repeating: 1), Tensor(shape: [1], repeating: 0))
      let decay = input.headDecay(logRate: rate, bias: bias)
      #expect(decay.scalars.allSatisfy { $0.isFinite && $0 <= 0 })
      let pulled = input.headDecayPullback(
        Tensor(shape: [12, 1], repeating: 1), logRate: rate, bias: bias, decay: decay)
      #expect((pulled.x.scalars + pulled.bias.scalars).allSatisfy { $0.isFinite && $0 <= 0 })
    }
  }

  @Test(arguments: InstructionSet.available)
  func keepsNotANumber(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let zero = Tensor(shape: [3], repeating: 0)
      let decay = Tensor(shape: [1, 3], scalars: [0, .nan, 0]).headDecay(logRate: zero, bias: zero)
      #expect(decay.scalars.map(\.isNaN) == [false, true, false])
    }
  }

  @Test func trapsOnRatesOfAnotherWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).headDecay(
        logRate: Tensor(shape: [2], repeating: 0), bias: Tensor(shape: [3], repeating: 0))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).headDecay(
        logRate: Tensor(shape: [3], repeating: 0), bias: Tensor(shape: [2], repeating: 0))
    }
  }
}

/// Largest exponential where the argument is cut off.
private let leftover = exp(-87.0)

/// Values around 0, and on both sides of the range of exp.
private func inputs(_ count: Int, using values: inout SeededValues) -> [Float] {
  zip(values.floats(count), values.floats(count, in: -2...2)).map { $0 * pow(10, $1) }
}

private func decay(rows: Int, heads: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let x = inputs(rows * heads, using: &values)
  let (logRate, bias) = (values.floats(heads, in: -2...2), values.floats(heads))
  return KernelCall(
    "decay of [\(rows), \(heads)], seed \(seed)", inputs: [x, logRate, bias],
    // softplus(z) = max(z, 0) + log(1 + e), e = exp(-|z|): z's rounding, with a slope of at most 1;
    // e's, the sum's one, of less than 2, and the logarithm's two. Then the sum, the rate, their
    // product, and the reference's rounding.
    accuracy: .bounded { expected in
      [
        x.indices.map {
          let z = Double(x[$0]) + Double(bias[$0 % heads])
          let e = exp(-abs(z))
          let softplus =
            Rounding.unit * abs(z) + Rounding.error(Exponential.roundings) * e + 2 * Rounding.unit
            + Rounding.error(2) * log1p(e) + leftover
          return exp(Double(logRate[$0 % heads])) * softplus
            + Rounding.error(Exponential.roundings + 3) * Double(abs(expected[0][$0]))
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_head_decay(
      rows: rows, heads: heads, x: arrays.input(inputs[0]), log_rate: arrays.input(inputs[1]),
      bias: arrays.input(inputs[2]), decay: arrays.output(rows * heads))
    lmn_head_decay_forward(context, &arguments)
  }
}

private func pullback(rows: Int, heads: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let x = inputs(rows * heads, using: &values)
  let (logRate, bias) = (values.floats(heads, in: -2...2), values.floats(heads))
  let (decay, cotangent) = (values.floats(rows * heads, in: -3...0), values.floats(rows * heads))
  return KernelCall(
    "decay's pullback of [\(rows), \(heads)], seed \(seed)",
    inputs: [x, logRate, bias, decay, cotangent],
    // d_x: the rate, z's rounding, at most |z| of the exponential, the sigmoid's three, two
    // products, and the reference's rounding. Sums: blocks of 256 rows, their sum and the
    // reference's rounding, and the errors of the terms.
    accuracy: .bounded { expected in
      let ofX = x.indices.map {
        let z = abs(Double(x[$0]) + Double(bias[$0 % heads]))
        let rate = exp(Double(logRate[$0 % heads]))
        return Rounding.error(Int(min(z, 88)) + 2 * Exponential.roundings + 6)
          * Double(abs(expected[0][$0])) + leftover * rate * Double(abs(cotangent[$0]))
      }
      let sum = Rounding.error(min(rows, 256) + (rows + 255) / 256 + 2)
      var (ofRate, ofBias) = ([Double](repeating: 0, count: heads), [Double]())
      ofBias = ofRate
      for index in x.indices {
        ofRate[index % heads] += sum * Double(abs(decay[index] * cotangent[index]))
        ofBias[index % heads] += sum * Double(abs(expected[0][index])) + ofX[index]
      }
      return [ofX, ofRate, ofBias]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_head_decay_grad(
      rows: rows, heads: heads, x: arrays.input(inputs[0]), log_rate: arrays.input(inputs[1]),
      bias: arrays.input(inputs[2]), decay: arrays.input(inputs[3]),
      d_decay: arrays.input(inputs[4]), d_x: arrays.output(rows * heads),
      d_log_rate: arrays.output(heads), d_bias: arrays.output(heads))
    lmn_head_decay_backward(context, &arguments)
  }
}
