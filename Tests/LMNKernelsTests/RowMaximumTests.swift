import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RowMaximumTests {
  static let calls = awkwardSizes.flatMap { columns in
    [1, 2, 7].flatMap {
      [maximum(rows: $0, columns: columns), pullback(rows: $0, columns: columns)]
    }
  }
  static let sharedCalls = [(30, 200), (1100, 70)].flatMap { rows, columns in
    [maximum(rows: rows, columns: columns), pullback(rows: rows, columns: columns)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Rows of weight 0 are ignored; of equal values the first row is returned.
  @Test(arguments: InstructionSet.available)
  func leavesRowsOut(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let matrix = Tensor(
        shape: [5, 3],
        scalars: [9, 9, .nan, -1, 4, -0.5, -1, 5, -2, -3, 5, -0.5, .infinity, 9, 9])
      let weights = Tensor(shape: [1, 5], scalars: [0, 0.3, -1, 1, 0])
      let (maximum, rows) = matrix.rowMaximum(weights: weights)
      #expect(maximum == Tensor(shape: [1, 3], scalars: [-1, 5, -0.5]))
      #expect(Array(rows.elements) == [1, 2, 1])
    }
  }

  @Test func trapsOnOtherWeights() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).rowMaximum(weights: Tensor(shape: [3], repeating: 1))
    }
  }
}

private func maximum(rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  // Few different values, so that some are equal.
  let matrix = values.integers(rows * columns, below: 4).map(Float.init)
  var weights = values.integers(rows, below: 2).map(Float.init)
  weights[rows / 2] = 1
  return KernelCall(
    "maximum of \(rows) rows of \(columns), seed \(seed)", inputs: [matrix, weights],
    accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_row_maximum(
      rows: rows, columns: columns, matrix: arrays.input(inputs[0]),
      weights: arrays.input(inputs[1]), maximum: arrays.output(columns),
      row: arrays.integerOutput(columns))
    lmn_row_maximum_forward(context, &arguments)
  }
}

private func pullback(rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let row = values.integers(columns, below: rows)
  return KernelCall(
    "pullback of the maximum of \(rows) rows of \(columns), seed \(seed)",
    inputs: [values.floats(columns)], accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_row_maximum_grad(
      rows: rows, columns: columns, row: arrays.input(row), d_maximum: arrays.input(inputs[0]),
      d_matrix: arrays.output(rows * columns))
    lmn_row_maximum_backward(context, &arguments)
  }
}
