import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RowSumTests {
  static let calls =
    awkwardSizes.flatMap { columns in [0, 1, 2, 7].map { rowSum(rows: $0, columns: columns) } }
    + [255, 256, 257, 512, 513].map { rowSum(rows: $0, columns: 18) }
  static let sharedCalls = [rowSum(rows: 30, columns: 200), rowSum(rows: 1100, columns: 70)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }
}

private func rowSum(rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "\(rows) rows of \(columns), seed \(seed)", inputs: [values.floats(rows * columns)],
    accuracy: .polynomial(roundings: rows + 2)
  ) { context, arrays, inputs in
    var arguments = lmn_row_sum(
      rows: rows, columns: columns, matrix: arrays.input(inputs[0]), sum: arrays.output(columns))
    lmn_row_sum_forward(context, &arguments)
  }
}
