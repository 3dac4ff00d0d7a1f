import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct PredictionErrorTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    [true, false].flatMap {
      [errors(count: count, squared: $0), pullback(count: count, squared: $0)]
    }
  }
  static let sharedCalls = [true, false].flatMap {
    [errors(count: 9 * 1024 + 5, squared: $0), pullback(count: 9 * 1024 + 5, squared: $0)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func valuesAndSlopes(_ instructionSet: InstructionSet) {
    func tensor(_ scalars: [Float]) -> Tensor { Tensor(shape: [1, 4], scalars: scalars) }
    computing(on: instructionSet) {
      let (predictions, targets) = (tensor([3, -1, 2, 5]), tensor([1, 2, 2, 9]))
      let (weights, cotangent) = (tensor([1, 2, 1, 0]), tensor([1, 1, 1, 1]))
      for (kind, errors, slopes) in [
        (.squared, [4, 18, 0, 0], [4, -12, 0, 0]), (.absolute, [2, 6, 0, 0], [1, -2, 0, 0]),
      ] as [(PredictionError, [Float], [Float])] {
        #expect(
          predictions.predictionErrors(kind, targets: targets, weights: weights).scalars == errors)
        #expect(
          predictions.predictionErrorsPullback(cotangent, kind, targets: targets, weights: weights)
            .scalars == slopes)
      }
    }
  }

  @Test func trapsOnOtherShapes() async {
    await #expect(processExitsWith: .failure) {
      let (left, right) = (
        Tensor(shape: [2, 3], repeating: 0), Tensor(shape: [3, 2], repeating: 0)
      )
      _ = left.predictionErrors(.squared, targets: right, weights: left)
    }
  }
}

private func inputs(_ count: Int, seed: UInt64) -> [[Float]] {
  var values = SeededValues(seed: seed)
  return [values.floats(count), values.floats(count), values.floats(count, in: 0...1)]
}

private func errors(count: Int, squared: Bool, seed: UInt64 = 1) -> KernelCall {
  KernelCall(
    "\(squared ? "squared" : "absolute") errors of \(count), seed \(seed)",
    inputs: inputs(count, seed: seed),
    // The difference, which a square has twice, the square, the weight, the reference's rounding.
    accuracy: .relative(roundings: [squared ? 5 : 3])
  ) { context, arrays, inputs in
    var arguments = lmn_prediction_error(
      count: count, squared: squared, predictions: arrays.input(inputs[0]),
      targets: arrays.input(inputs[1]), weights: arrays.input(inputs[2]),
      errors: arrays.output(count))
    lmn_prediction_error_forward(context, &arguments)
  }
}

private func pullback(count: Int, squared: Bool, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed + 1)
  return KernelCall(
    "pullback of \(squared ? "squared" : "absolute") errors of \(count), seed \(seed)",
    inputs: inputs(count, seed: seed) + [values.floats(count)],
    // The difference, the cotangent times the weight, their product, the reference's rounding.
    accuracy: .relative(roundings: [squared ? 4 : 2])
  ) { context, arrays, inputs in
    var arguments = lmn_prediction_error_grad(
      count: count, squared: squared, predictions: arrays.input(inputs[0]),
      targets: arrays.input(inputs[1]), weights: arrays.input(inputs[2]),
      d_errors: arrays.input(inputs[3]), d_predictions: arrays.output(count))
    lmn_prediction_error_backward(context, &arguments)
  }
}
