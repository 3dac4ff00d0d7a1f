import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SumTests {
  static let calls =
    ([0, 1023, 1024, 1025, 2049] + awkwardSizes).map { sum(count: $0) }
    + [1, 3, 15, 16].map { sum(count: 70, terms: $0) }
  static let sharedCalls = [sum(count: 9 * 1024 + 5), sum(count: 3 * 1024 + 5, terms: 16)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test func trapsOnDifferentShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).adding(Tensor(shape: [3, 2], repeating: 0))
    }
  }
}

private func sum(count: Int, terms: Int = 2, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "\(terms) terms of \(count), seed \(seed)",
    inputs: (0..<terms).map { _ in values.floats(count) }, accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_sum()
    arguments.count = count
    arguments.terms = terms
    withUnsafeMutableBytes(of: &arguments.values) {
      let values = $0.assumingMemoryBound(to: UnsafePointer<Float>?.self)
      for (index, input) in inputs.enumerated() { values[index] = arrays.input(input) }
    }
    arguments.sum = arrays.output(count)
    lmn_sum_forward(context, &arguments)
  }
}
