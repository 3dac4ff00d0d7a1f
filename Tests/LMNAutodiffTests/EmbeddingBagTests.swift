import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct EmbeddingBagTests {
  private let bags = Bags([
    (ids: [2, 2, 5], scale: 0.5), (ids: [], scale: 1), (ids: [0, 2], scale: -2),
  ])

  @Test(arguments: [1, 3, 8])
  func gradients(width: Int) {
    expectGradients(of: { $0[0].embeddingBag(of: bags) }, at: [.random([6, width], seed: 1)])
  }

  /// A table that is also used in another way, or computed from a parameter, has a gradient, too.
  @Test func gradientsOfTablesWithOtherUses() {
    expectGradients(
      of: { inputs in
        let (table, other) = (inputs[0], inputs[1])
        return table.embeddingBag(of: bags) + (table + other).embeddingBag(of: bags)
          + table.embedding(of: [0, 5, 5])
      }, at: [.random([6, 3], seed: 1), .random([6, 3], seed: 2)])
  }

  @Test(arguments: InstructionSet.available)
  func recordedGradients(_ instructionSet: InstructionSet) {
    expectSameGradientsRecorded(
      of: { $0[0].embeddingBag(of: bags) + $0[0].embeddingBag(of: bags) },
      at: [.random([6, 3], seed: 1)], on: instructionSet)
  }

  /// Lookups are kept unless a parameter has other uses.
  @Test func lookupsAreKept() {
    let table = Variable(parameter: .random([6, 3], seed: 1))
    let cotangent = Tensor.random([3, 3], seed: 2)
    let sums = table.embeddingBag(of: bags)
    let lookups = sums.gradients(cotangent: cotangent).lookups(of: table)
    #expect(lookups?.count == 1 && lookups?[0].bags === bags)
    #expect(lookups?[0].cotangent == cotangent)
    let both = sums + table.embedding(of: [0, 1, 2])
    #expect(both.gradients(cotangent: cotangent).lookups(of: table) == nil)
    #expect(table.silu().gradients(cotangent: table.value).lookups(of: table) == nil)
  }
}
