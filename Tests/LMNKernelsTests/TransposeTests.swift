import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct TransposeTests {
  static let calls = (0...3).flatMap { matrices in
    [(1, 1), (1, 7), (9, 1), (3, 5), (17, 16), (33, 64)].map { rows, columns in
      transpose(matrices: matrices, rows: rows, columns: columns)
    }
  }
  static let sharedCalls = [
    transpose(matrices: 2, rows: 7, columns: 5), transpose(matrices: 3, rows: 70, columns: 50),
    transpose(matrices: 2, rows: 1100, columns: 5),
  ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test func transposesEveryMatrix() {
    let matrices = Tensor(shape: [2, 2, 3], scalars: (0..<12).map(Float.init))
    #expect(
      matrices.transposed
        == Tensor(shape: [2, 3, 2], scalars: [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]))
  }

  @Test func trapsOnAVector() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2], repeating: 0).transposed
    }
  }
}

private func transpose(matrices: Int, rows: Int, columns: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "[\(matrices), \(rows), \(columns)] transposed, seed \(seed)",
    inputs: [values.floats(matrices * rows * columns)], accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_transpose(
      matrices: matrices, rows: rows, columns: columns, matrix: arrays.input(inputs[0]),
      transposed: arrays.output(matrices * rows * columns))
    lmn_transpose_forward(context, &arguments)
  }
}
