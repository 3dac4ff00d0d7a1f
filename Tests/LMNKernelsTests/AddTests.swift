import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AddTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).map { sum(count: $0) }
  static let sharedCalls = [sum(count: 3 * 1024 + 5)]

  @Test(arguments: InstructionSet.tuned, calls)
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

private func sum(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "sum of \(count), seed \(seed)", inputs: [values.floats(count), values.floats(count)],
    accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_add(
      count: count, left: arrays.input(inputs[0]), right: arrays.input(inputs[1]),
      sum: arrays.output(count))
    lmn_add_forward(context, &arguments)
  }
}
