import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct EmbeddingBagTests {
  static let calls = awkwardSizes.flatMap { width in
    [[0], [1], [3, 0, 5], [70, 2], [0, 0, 17]].flatMap { counts in
      [2, 65].flatMap { vocabulary in
        [
          vectors(of: counts, vocabulary: vocabulary, width: width),
          tablePullback(of: counts, vocabulary: vocabulary, width: width),
        ]
      }
    }
  }
  static let sharedCalls = [([30, 6, 200, 9], 7, 200), ([600, 0, 1100, 70], 70, 130)].flatMap {
    counts, vocabulary, width in
    [
      vectors(of: counts, vocabulary: vocabulary, width: width),
      tablePullback(of: counts, vocabulary: vocabulary, width: width),
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

  private let bags = Bags([
    (ids: [2, 0, 2], scale: 0.5), (ids: [], scale: 3), (ids: [1], scale: 2),
  ])

  @Test func sumsRowsPerBag() {
    let table = Tensor(shape: [3, 2], scalars: [0, 1, 10, 11, 20, 21])
    #expect(table.embeddingBag(of: bags).scalars == [20, 21.5, 0, 0, 20, 22])
  }

  /// Lookups of several computations give the rows of the dense gradient, also when the object is
  /// used again.
  @Test func gradientsByRowsAreThoseOfTheTable() {
    let gradient = RowGradient(shape: [5, 2])
    for (first, second) in [([4, 1] as [Token], [4, 4] as [Token]), ([0], [])] {
      let lookups = [StoredLookups(), StoredLookups()]
      let others = Bags([(ids: first, scale: 1), (ids: second, scale: -3)])
      let cotangents = [
        Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6]),
        Tensor(shape: [2, 2], scalars: [7, 8, 9, 1]),
      ]
      lookups[0].add(bags, cotangent: cotangents[0])
      lookups[1].add(others, cotangent: cotangents[1])
      gradient.overwrite(withSumOf: lookups, in: .current)
      let expected = cotangents[0].embeddingBagPullback(of: bags, vocabularySize: 5)
        .adding(cotangents[1].embeddingBagPullback(of: others, vocabularySize: 5))
      #expect(gradient.tensor == expected)
      #expect(Set(gradient.rows) == Set([2, 0, 1] + first + second))
      #expect(gradient.rows.count == Set(gradient.rows).count)
      #expect(abs(gradient.squaredNorm - expected.squaredNorm) <= 1e-3)
    }
  }

  @Test func trapsOnIDsOutsideTheTable() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).embeddingBag(of: Bags([(ids: [0, 3], scale: 1)]))
    }
    await #expect(processExitsWith: .failure) {
      Bags(count: 1, capacity: 2).overwrite(0, [0, 1, 2], scale: 1)
    }
  }
}

private func vectors(
  of counts: [Int], vocabulary: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (offsets, ids) = bags(of: counts, vocabulary: vocabulary, using: &values)
  return KernelCall(
    "bags of \(counts) rows of [\(vocabulary), \(width)], seed \(seed)",
    inputs: [values.floats(counts.count), values.floats(vocabulary * width)],
    accuracy: .polynomial(roundings: counts.max()! + 3)
  ) { context, arrays, inputs in
    var arguments = lmn_embedding_bag(
      bags: counts.count, vocabulary: vocabulary, width: width, offsets: arrays.input(offsets),
      ids: arrays.input(ids), scales: arrays.input(inputs[0]), table: arrays.input(inputs[1]),
      vectors: arrays.output(counts.count * width))
    lmn_embedding_bag_forward(context, &arguments)
  }
}

private func tablePullback(
  of counts: [Int], vocabulary: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (offsets, ids) = bags(of: counts, vocabulary: vocabulary, using: &values)
  return KernelCall(
    "bags of \(counts) rows into [\(vocabulary), \(width)], seed \(seed)",
    inputs: [values.floats(counts.count), values.floats(counts.count * width)],
    accuracy: .polynomial(roundings: ids.count + 3)
  ) { context, arrays, inputs in
    var arguments = lmn_embedding_bag_grad(
      bags: counts.count, vocabulary: vocabulary, width: width, offsets: arrays.input(offsets),
      ids: arrays.input(ids), scales: arrays.input(inputs[0]), d_vectors: arrays.input(inputs[1]),
      d_table: arrays.output(vocabulary * width))
    lmn_embedding_bag_backward(context, &arguments)
  }
}

private func bags(
  of counts: [Int], vocabulary: Int, using values: inout SeededValues
) -> (offsets: [Int32], ids: [Int32]) {
  let offsets = counts.reduce(into: [0 as Int32]) { $0.append($0.last! + Int32($1)) }
  return (offsets, values.integers(Int(offsets.last!), below: vocabulary))
}
