import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RecordingTests {
  @Test(arguments: InstructionSet.available)
  func runsAgainOnOverwrittenInputs(_ instructionSet: InstructionSet) {
    let context = ExecutionContext(instructionSet: instructionSet, threadCount: 1)
    let tokens: TokenBuffer = [1, 0, 2]
    let table = Tensor.random([3, 4], seed: 1)
    func sum(_ tokens: TokenBuffer) -> Tensor {
      let x = table.embedding(of: tokens)
      return x.silu().adding(x).matmul(Tensor.random([4, 5], seed: 2))
    }
    var result: Tensor?
    let recording = Recording(in: context) { result = sum(tokens) }
    tokens.overwrite(with: [2, 2, 1])
    recording.run(in: context)
    #expect(result == ExecutionContext.$current.withValue(context) { sum([2, 2, 1]) })
  }

  /// The memory of an intermediate value is reused for the next one of its size, that of a kept
  /// value is not.
  @Test func memoryIsReused() {
    let x = Tensor.random([64, 64], seed: 1)
    func bytes(_ count: Int, keeping: Int) -> Int {
      var kept: [Tensor] = []
      let recording = Recording(in: ExecutionContext(threadCount: 1)) {
        for _ in 0..<count {
          kept.append(x.silu().silu().silu())
          if kept.count > keeping { kept.removeFirst() }
        }
      }
      return recording.byteCount
    }
    #expect(bytes(1, keeping: 1) == bytes(1000, keeping: 1))
    #expect(bytes(1000, keeping: 1000) > 1000 * 64 * 64 * 4)
  }

  /// Values alive at the end of recording are not overwritten by another part of the same run.
  @Test func resultsAreNotOverwritten() {
    let context = ExecutionContext(threadCount: 1)
    let x = Tensor.random([5, 7], seed: 1)
    var results: [Tensor] = []
    let recording = Recording(in: context) {
      for _ in 0..<10 { results.append(results.last?.silu().silu() ?? x.silu()) }
    }
    let expected = results.map(\.scalars)
    recording.run(in: context)
    #expect(results.map(\.scalars) == expected)
  }

  @Test func derivesFromConstantsOnDemand() {
    let context = ExecutionContext(threadCount: 1)
    let (x, weight) = (Tensor.random([4, 3], seed: 1), Tensor.random([4, 3], seed: 2))
    var product: Tensor?
    let recording = Recording(in: context) {
      // Values that are released before the derived one, of the same size, is made.
      _ = x.silu()
      product = x.matmul(weight.transposed)
    }
    let (before, other) = (product!, Tensor.random([4, 3], seed: 3))
    let scalars = before.scalars
    weight.overwrite(withSumOf: [other])
    recording.run(in: context)
    #expect(product!.scalars == scalars)
    recording.derive(in: context)
    recording.run(in: context)
    #expect(product == x.matmul(other.transposed))
  }

  /// The transpose of an intermediate value is computed in every run.
  @Test func transposesIntermediateValues() {
    let context = ExecutionContext(threadCount: 1)
    let tokens: TokenBuffer = [0, 1]
    let table = Tensor.random([3, 2], seed: 1)
    var result: Tensor?
    let recording = Recording(in: context) { result = table.embedding(of: tokens).transposed }
    tokens.overwrite(with: [2, 0])
    recording.run(in: context)
    #expect(result == table.embedding(of: [2, 0]).transposed)
  }

  /// So is the transpose of an input that is overwritten between runs.
  @Test func transposesOverwrittenInputs() {
    let context = ExecutionContext(threadCount: 1)
    let (first, second) = (Tensor.random([3, 2], seed: 1), Tensor.random([3, 2], seed: 2))
    let input = Tensor(overwritable: first)
    var result: Tensor?
    let recording = Recording(in: context) { result = input.transposed }
    #expect(result == first.transposed)
    input.overwrite(withScalarsOf: second)
    recording.run(in: context)
    #expect(result == second.transposed)
  }

  @Test func trapsWhenAnIntermediateValueIsRead() async {
    await #expect(processExitsWith: .failure) {
      _ = Recording(in: ExecutionContext(threadCount: 1)) {
        _ = Tensor(shape: [1], repeating: 1).silu().scalar
      }
    }
  }
}
