import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct PredictionErrorTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    Kind.allCases.flatMap { [errors(count: count, $0), pullback(count: count, $0)] }
  }
  static let sharedCalls = Kind.allCases.flatMap {
    [errors(count: 9 * 1024 + 5, $0), pullback(count: 9 * 1024 + 5, $0)]
  }

  enum Kind: CaseIterable { case squared, absolute, quantiles }

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

  /// Errors below a target count 2 q, those above 2 (1 - q).
  @Test(arguments: InstructionSet.available)
  func quantilesWeighSides(_ instructionSet: InstructionSet) {
    func tensor(_ scalars: [Float]) -> Tensor { Tensor(shape: [1, 4], scalars: scalars) }
    computing(on: instructionSet) {
      let (predictions, targets) = (tensor([3, -1, 2, 5]), tensor([1, 2, 2, 9]))
      let (weights, quantiles) = (tensor([1, 2, 1, 1]), tensor([0.25, 0.25, 0.9, 0.75]))
      #expect(
        predictions.predictionErrors(
          .absolute, targets: targets, weights: weights, quantiles: quantiles
        ).scalars == [3, 3, 0, 6])
      #expect(
        predictions.predictionErrorsPullback(
          tensor([1, 1, 1, 2]), .absolute, targets: targets, weights: weights, quantiles: quantiles
        ).scalars == [1.5, -1, 0, -3])
    }
  }

  @Test func trapsOnOtherShapes() async {
    await #expect(processExitsWith: .failure) {
      let one = Tensor(shape: [2, 3], repeating: 0.5)
      _ = one.predictionErrors(.squared, targets: one, weights: one, quantiles: one)
    }
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
  return [
    values.floats(count), values.floats(count), values.floats(count, in: 0...1),
    values.floats(count, in: 0.1...0.9),
  ]
}

private func errors(
  count: Int, _ kind: PredictionErrorTests.Kind, seed: UInt64 = 1
) -> KernelCall {
  KernelCall(
    "\(kind) errors of \(count), seed \(seed)",
    inputs: inputs(count, seed: seed),
    // The difference, which a square has twice, the square or the factor of a side and its product, the
    // weight, the reference's rounding.
    accuracy: .relative(roundings: [kind == .absolute ? 3 : 5])
  ) { context, arrays, inputs in
    var arguments = lmn_prediction_error(
      count: count, squared: kind == .squared, predictions: arrays.input(inputs[0]),
      targets: arrays.input(inputs[1]), weights: arrays.input(inputs[2]),
      errors: arrays.output(count),
      quantiles: kind == .quantiles ? arrays.input(inputs[3]) : nil)
    lmn_prediction_error_forward(context, &arguments)
  }
}

private func pullback(
  count: Int, _ kind: PredictionErrorTests.Kind, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed + 1)
  return KernelCall(
    "pullback of \(kind) errors of \(count), seed \(seed)",
    inputs: inputs(count, seed: seed) + [values.floats(count)],
    // The difference or the factor of a side, the cotangent times the weight, their product, the
    // reference's rounding.
    accuracy: .relative(roundings: [kind == .absolute ? 2 : 4])
  ) { context, arrays, inputs in
    var arguments = lmn_prediction_error_grad(
      count: count, squared: kind == .squared, predictions: arrays.input(inputs[0]),
      targets: arrays.input(inputs[1]), weights: arrays.input(inputs[2]),
      d_errors: arrays.input(inputs[4]), d_predictions: arrays.output(count),
      quantiles: kind == .quantiles ? arrays.input(inputs[3]) : nil)
    lmn_prediction_error_backward(context, &arguments)
  }
}
