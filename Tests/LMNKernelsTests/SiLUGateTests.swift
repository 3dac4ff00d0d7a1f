import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SiLUGateTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap {
    [gated(count: $0), pullback(count: $0)]
  }
  static let sharedCalls = [gated(count: 9 * 1024 + 5), pullback(count: 9 * 1024 + 5)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func isAProductWithTheSiLUOfTheGate(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let x = Tensor(shape: [4], scalars: [3, -2, 5, 7])
      let gate = Tensor(shape: [4], scalars: [1, -0.5, 0, 2])
      let expected = zip(x.scalars, gate.silu().scalars).map { $0 * $1 }
      expectClose(
        x.gated(bySiLUOf: gate).scalars, expected, within: expected.map { 1e-6 * abs(Double($0)) },
        "gated")
    }
  }

  @Test(arguments: InstructionSet.available)
  func keepsNotANumber(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let x = Tensor(shape: [3], scalars: [.nan, 1, 1])
      let gate = Tensor(shape: [3], scalars: [1, .nan, 1])
      #expect(x.gated(bySiLUOf: gate).scalars.map(\.isNaN) == [true, true, false])
    }
  }

  @Test func trapsOnAGateOfAnotherShape() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).gated(bySiLUOf: Tensor(shape: [6], repeating: 0))
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [2, 3], repeating: 0)
      _ = x.gatedPullback(Tensor(shape: [3, 2], repeating: 0), bySiLUOf: x)
    }
  }
}

/// Largest sigmoid where exp is cut off.
private let leftover = exp(-87.0)

/// Values of all orders of magnitude: near zero, in the curved part, and where exp is cut off.
private func gates(_ count: Int, using values: inout SeededValues) -> [Float] {
  zip(values.floats(count), values.floats(count, in: -3...2)).map { $0 * pow(10, $1) }
}

private func gated(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (x, gate) = (values.floats(count), gates(count, using: &values))
  return KernelCall(
    "\(count) gated, seed \(seed)", inputs: [x, gate],
    // exp, 1 + exp, the quotient, two products, and the reference's rounding.
    accuracy: .bounded { expected in
      [
        (0..<count).map {
          Rounding.error(Exponential.roundings + 5) * Double(abs(expected[0][$0]))
            + leftover * Double(abs(x[$0] * gate[$0]))
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_silu_gate(
      count: count, x: arrays.input(inputs[0]), gate: arrays.input(inputs[1]),
      gated: arrays.output(count))
    lmn_silu_gate_forward(context, &arguments)
  }
}

private func pullback(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (x, gate) = (values.floats(count), gates(count, using: &values))
  let cotangent = values.floats(count)
  return KernelCall(
    "gate's pullback of \(count), seed \(seed)", inputs: [x, gate, cotangent],
    // d_x: as forward. d_gate: the slope of SiLU, see ActivationTests, and one product more.
    accuracy: .bounded { expected in
      [
        (0..<count).map {
          Rounding.error(Exponential.roundings + 5) * Double(abs(expected[0][$0]))
            + leftover * Double(abs(cotangent[$0] * gate[$0]))
        },
        (0..<count).map {
          let (gate, dy) = (Double(gate[$0]), Double(abs(cotangent[$0] * x[$0])))
          return dy * (1 + abs(gate))
            * (Rounding.error(2 * (Exponential.roundings + 2) + 6) / (1 + exp(-gate)) + leftover)
        },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_silu_gate_grad(
      count: count, x: arrays.input(inputs[0]), gate: arrays.input(inputs[1]),
      d_gated: arrays.input(inputs[2]), d_x: arrays.output(count), d_gate: arrays.output(count))
    lmn_silu_gate_backward(context, &arguments)
  }
}
