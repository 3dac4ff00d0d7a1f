import LMNKernels
import Testing

@Suite struct KernelListTests {
  static let sharedCalls =
    AddTests.sharedCalls + MatmulTests.sharedCalls + TransposeTests.sharedCalls
    + RowSumTests.sharedCalls + PairwiseSummaryTests.sharedCalls + SeparableConvTests.sharedCalls
    + SingleVectorAttentionTests.sharedCalls + RMSNormTests.sharedCalls
    + LayerNormTests.sharedCalls + SiLUTests.sharedCalls + EmbeddingTests.sharedCalls
    + CrossEntropyTests.sharedCalls + AdamWTests.sharedCalls + SquaredNormTests.sharedCalls

  /// The suites' calls run on every instruction set, so this is every kernel there is, on all of
  /// them; with fewer units than threads, equal bits would say little.
  @Test func everyKernelIsCalledWithUnitsForThreeThreads() throws {
    try #require(!KernelTable.names.isEmpty)
    let units = Self.sharedCalls.map(\.units)
    for (index, name) in KernelTable.names.enumerated() {
      #expect(units.compactMap { $0[index] }.max() ?? 0 >= 3, "\(name)")
    }
  }
}
