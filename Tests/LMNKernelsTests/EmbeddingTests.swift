import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct EmbeddingTests {
  static let calls = awkwardSizes.flatMap { width in
    [(0, 2), (1, 1), (3, 2), (70, 2), (17, 65), (70, 130)].flatMap { rows, vocabulary in
      [
        vectors(rows: rows, vocabulary: vocabulary, width: width),
        tablePullback(rows: rows, vocabulary: vocabulary, width: width),
      ]
    }
  }
  static let sharedCalls = [(30, 6, 200), (1100, 70, 130)].flatMap { rows, vocabulary, width in
    [
      vectors(rows: rows, vocabulary: vocabulary, width: width),
      tablePullback(rows: rows, vocabulary: vocabulary, width: width),
    ]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test func looksUpRows() {
    let table = Tensor(shape: [3, 2], scalars: [0, 1, 10, 11, 20, 21])
    #expect(table.embedding(of: [2, 0, 2]).scalars == [20, 21, 0, 1, 20, 21])
  }

  @Test func trapsOnTokensOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).embedding(of: [0, 3])
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).embedding(of: [-1])
    }
  }
}

private func vectors(rows: Int, vocabulary: Int, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let ids = values.integers(rows, below: vocabulary)
  return KernelCall(
    "\(rows) rows of [\(vocabulary), \(width)], seed \(seed)",
    inputs: [values.floats(vocabulary * width)], accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_embedding(
      rows: rows, vocabulary: vocabulary, width: width, ids: arrays.input(ids),
      table: arrays.input(inputs[0]), vectors: arrays.output(rows * width))
    lmn_embedding_forward(context, &arguments)
  }
}

private func tablePullback(rows: Int, vocabulary: Int, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let ids = values.integers(rows, below: vocabulary)
  return KernelCall(
    "\(rows) rows into [\(vocabulary), \(width)], seed \(seed)",
    inputs: [values.floats(rows * width)], accuracy: .polynomial(roundings: rows + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_embedding_grad(
      rows: rows, vocabulary: vocabulary, width: width, ids: arrays.input(ids),
      d_vectors: arrays.input(inputs[0]), d_table: arrays.output(vocabulary * width))
    lmn_embedding_backward(context, &arguments)
  }
}
