import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GatedLinearUnitTests {
  static let calls = awkwardSizes.flatMap { width in
    [0, 1, 3].flatMap { [gated(rows: $0, width: width), pullback(rows: $0, width: width)] }
  }
  static let sharedCalls = [gated(rows: 1100, width: 40), pullback(rows: 1100, width: 40)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func isHalfOfItsInputWithAGateOfZero(_ instructionSet: InstructionSet) {
    let x = Tensor(shape: [2, 4], scalars: [1, -2, 0, 0, 5, 6, 1000, -1000])
    let found = computing(on: instructionSet) { x.gatedLinearUnit() }
    expectClose(found.scalars, [0.5, -1, 5, 0], within: [0, 0, 0, 1e-36], "gated")
  }

  @Test func trapsOnAnOddWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).gatedLinearUnit()
    }
  }
}

/// Largest sigmoid where exp is cut off at -88 and the sigmoid tends to zero.
private let leftover = exp(-87.0)

/// Values, then gates of all sizes, per row.
private func rows(_ rows: Int, width: Int) -> [Float] {
  var values = SeededValues(seed: 1)
  return (0..<rows).flatMap { _ in values.floats(width) + values.floats(width, in: -100...100) }
}

private func gated(rows count: Int, width: Int) -> KernelCall {
  let x = rows(count, width: width)
  return KernelCall(
    "gated linear unit of [\(count), \(2 * width)]", inputs: [x],
    // exp, 1 + exp, the quotient, the product, and the reference's rounding.
    accuracy: .bounded { expected in
      [expected[0].map { Rounding.error(Exponential.roundings + 4) * Double(abs($0)) + leftover }]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_gated_linear_unit(
      rows: count, width: width, x: arrays.input(inputs[0]), gated: arrays.output(count * width))
    lmn_gated_linear_unit_forward(context, &arguments)
  }
}

private func pullback(rows count: Int, width: Int) -> KernelCall {
  var values = SeededValues(seed: 2)
  let (x, cotangent) = (rows(count, width: width), values.floats(count * width))
  return KernelCall(
    "gated linear unit's pullback of [\(count), \(2 * width)]", inputs: [x, cotangent],
    // At most two sigmoids, three products, and the reference's rounding.
    accuracy: .bounded { expected in
      [
        expected[0].map {
          Rounding.error(2 * (Exponential.roundings + 2) + 4) * Double(abs($0)) + leftover
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_gated_linear_unit_grad(
      rows: count, width: width, x: arrays.input(inputs[0]), d_gated: arrays.input(inputs[1]),
      d_x: arrays.output(2 * count * width))
    lmn_gated_linear_unit_backward(context, &arguments)
  }
}
