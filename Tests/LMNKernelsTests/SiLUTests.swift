import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SiLUTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap {
    [silu(count: $0), pullback(count: $0)]
  }
  static let sharedCalls = [silu(count: 3 * 1024 + 5), pullback(count: 3 * 1024 + 5)]

  @Test(arguments: InstructionSet.tuned, calls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func staysFinite(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let x = Tensor(
        shape: [9], scalars: [0, -0.0, 1e-38, -.leastNonzeroMagnitude, 80, -80, 1e4, -1e4, -1e30])
      #expect(x.silu().scalars.allSatisfy { $0.isFinite })
      #expect(x.silu().scalars.prefix(2) == [0, 0])
      #expect(x.siluPullback(x).scalars.allSatisfy { $0.isFinite })
    }
  }
}

/// Inputs of all sizes: near zero, around the bend, and where exp is cut off.
private func inputs(_ count: Int, using values: inout SeededValues) -> [Float] {
  zip(values.floats(count), values.floats(count, in: -3...2)).map { $0 * pow(10, $1) }
}

/// What the cut of exp at -88 leaves of a sigmoid that would go to zero.
private let leftover = exp(-87.0)

private func silu(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let x = inputs(count, using: &values)
  return KernelCall(
    "silu of \(count), seed \(seed)", inputs: [x],
    // exp, 1 + exp, the quotient, the product, and the reference's rounding.
    accuracy: .bounded { expected in
      [
        zip(x, expected[0]).map { x, y in
          Rounding.error(Exponential.roundings + 4) * Double(abs(y)) + leftover * Double(abs(x))
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_silu(
      count: count, x: arrays.input(inputs[0]), activated: arrays.output(count))
    lmn_silu_forward(context, &arguments)
  }
}

private func pullback(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let x = inputs(count, using: &values)
  let cotangent = values.floats(count)
  return KernelCall(
    "silu's pullback of \(count), seed \(seed)", inputs: [x, cotangent],
    // The sigmoid's roundings (exp + 2) count twice, as a factor and inside 1 - sigmoid; then there
    // are a difference, a fused product, two products and the reference's rounding. The terms of
    // 1 + x (1 - sigmoid) may cancel, so its magnitude is 1 + |x|.
    accuracy: .bounded { _ in
      [
        zip(x, cotangent).map { x, dy in
          let (x, dy) = (Double(x), Double(dy))
          let sigmoid = 1 / (1 + exp(-x))
          return abs(dy) * (1 + abs(x))
            * (Rounding.error(2 * (Exponential.roundings + 2) + 5) * sigmoid + leftover)
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_silu_grad(
      count: count, x: arrays.input(inputs[0]), d_activated: arrays.input(inputs[1]),
      d_x: arrays.output(count))
    lmn_silu_backward(context, &arguments)
  }
}
