import CKernelTable
import LMNKernels
import Testing

@Suite struct KernelListTests {
  static let sharedCalls =
    SumTests.sharedCalls + MeanTests.sharedCalls + RowCopyTests.sharedCalls
    + MatmulTests.sharedCalls + TransposeTests.sharedCalls
    + RowSumTests.sharedCalls + AffineSummaryTests.sharedCalls + SeparableConvTests.sharedCalls
    + ExpansionTests.sharedCalls + SingleVectorAttentionTests.sharedCalls
    + TokenAttentionTests.sharedCalls + CausalAttentionTests.sharedCalls + RotaryTests.sharedCalls
    + SegmentAttentionTests.sharedCalls + SlotWriteTests.sharedCalls
    + RMSNormTests.sharedCalls
    + LayerNormTests.sharedCalls + ActivationTests.sharedCalls + EmbeddingTests.sharedCalls
    + EmbeddingBagTests.sharedCalls + SinusoidTests.sharedCalls + DropoutTests.sharedCalls
    + RowMaximumTests.sharedCalls
    + PredictionErrorTests.sharedCalls
    + RouterTests.sharedCalls + CombineTests.sharedCalls + GroupedMatmulTests.sharedCalls
    + ShortConvTests.sharedCalls + FeatureMapTests.sharedCalls + HeadDecayTests.sharedCalls
    + SiLUGateTests.sharedCalls + LinearRecurrenceTests.sharedCalls
    + StateSpaceTests.sharedCalls + DiscretizationTests.sharedCalls
    + GatedLinearUnitTests.sharedCalls
    + CrossEntropyTests.sharedCalls + AdamWTests.sharedCalls + SquaredNormTests.sharedCalls

  /// The calls of the suites run on every instruction set, so every kernel is tested on all of
  /// them.
  ///
  /// With fewer units than threads, equal bits would prove little.
  @Test func everyKernelIsCalledWithUnitsForThreeThreads() {
    let units = Self.sharedCalls.map(\.units)
    for index in 0..<lmn_kernel_count() {
      let name = String(cString: lmn_kernel_name(index))
      #expect(units.compactMap { $0[name] }.max() ?? 0 >= 3, "\(name)")
    }
  }

  @Test(arguments: InstructionSet.tuned, sharedCalls)
  func unitsOwnWhatTheyWrite(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectUnitsToOwnWhatTheyWrite(on: instructionSet)
  }
}
