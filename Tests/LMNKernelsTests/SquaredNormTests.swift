import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SquaredNormTests {
  static let block = Int(LMN_SQUARED_NORM_BLOCK)
  static let calls = ([0, block - 1, block, block + 1, 2 * block + 3] + awkwardSizes).map {
    squaredNorm(count: $0)
  }
  static let sharedCalls = [squaredNorm(count: 9 * block + 5)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func sumsItsBlocks(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      #expect(Tensor(shape: [3, 4], repeating: 2).squaredNorm == 48)
      #expect(Tensor(shape: [Self.block + 1], repeating: 1).squaredNorm == Double(Self.block + 1))
      #expect(Tensor(shape: [0], repeating: 1).squaredNorm == 0)
    }
  }

  @Test(arguments: InstructionSet.available, [Float.nan, .infinity, -.infinity])
  func isNotFiniteWhenAValueIsNot(_ instructionSet: InstructionSet, value: Float) {
    computing(on: instructionSet) {
      let tensor = Tensor(
        shape: [Self.block + 7], scalars: Array(repeating: 1, count: Self.block + 6) + [value])
      #expect(!tensor.squaredNorm.isFinite)
    }
  }
}

private func squaredNorm(count: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let blocks = (count + SquaredNormTests.block - 1) / SquaredNormTests.block
  return KernelCall(
    "squared norm of \(count), seed \(seed)", inputs: [values.floats(count)],
    accuracy: .relative(roundings: [Rounding.ofDot(min(count, SquaredNormTests.block)) + 1])
  ) { context, arrays, inputs in
    var arguments = lmn_squared_norm(
      count: count, values: arrays.input(inputs[0]), partial: arrays.output(blocks))
    lmn_squared_norm_forward(context, &arguments)
  }
}
