import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct MeanTests {
  static let counts = [1, 1023, 1024, 1025, 5000] + awkwardSizes
  static let calls = counts.flatMap {
    [mean(rows: 2, columns: $0), meanPullback(rows: 2, columns: $0)]
  }
  static let sharedCalls = [mean(rows: 5, columns: 37), meanPullback(rows: 5, columns: 37)]

  @Test(arguments: InstructionSet.tuned, calls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test func trapsOnNoValues() async {
    await #expect(processExitsWith: .failure) { _ = Tensor(shape: [0], scalars: []).mean() }
  }
}

private func mean(rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "mean of \(rows) rows of \(columns), seed \(seed)", inputs: [values.floats(rows * columns)],
    accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_mean(
      rows: rows, columns: columns, values: arrays.input(inputs[0]), mean: arrays.output(rows))
    lmn_mean_forward(context, &arguments)
  }
}

private func meanPullback(rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "cotangent of the mean of \(rows) rows of \(columns), seed \(seed)",
    inputs: [values.floats(rows)], accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_mean_grad(
      rows: rows, columns: columns, d_mean: arrays.input(inputs[0]),
      d_values: arrays.output(rows * columns))
    lmn_mean_backward(context, &arguments)
  }
}
