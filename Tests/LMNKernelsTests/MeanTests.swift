import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct MeanTests {
  static let counts = [1, 1023, 1024, 1025, 5000] + awkwardSizes
  static let calls = counts.flatMap { columns in
    [false, true].flatMap { ignoring in
      [
        mean(rows: 2, columns: columns, ignoring: ignoring),
        meanPullback(rows: 2, columns: columns, ignoring: ignoring),
      ]
    }
  }
  static let sharedCalls = [
    mean(rows: 5, columns: 37, ignoring: true), meanPullback(rows: 5, columns: 37, ignoring: true),
    mean(rows: 1100, columns: 5, ignoring: true),
    meanPullback(rows: 1100, columns: 5, ignoring: true),
  ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Values without a target are not read, even if they are NaN.
  @Test(arguments: InstructionSet.available)
  func isOverValuesWithTargets(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let values = Tensor(shape: [4], scalars: [1, .nan, 4, .infinity])
      #expect(values.mean(overTargets: [3, -1, 0, -100]).scalar == 2.5)
      #expect(values.mean(overTargets: [-1, -1, -1, -1]).scalar == 0)
      let cotangent = Tensor(shape: [1], repeating: 3)
      #expect(
        cotangent.meanPullback(shape: [4], overTargets: [3, -1, 0, -100]).scalars == [
          1.5, 0, 1.5, 0,
        ])
      #expect(
        cotangent.meanPullback(shape: [2], overTargets: [-1, -1]).scalars == [0, 0])
    }
  }

  @Test func trapsOnNoValues() async {
    await #expect(processExitsWith: .failure) { _ = Tensor(shape: [0], scalars: []).mean() }
  }
}

/// Targets of which a third is negative, or none where all values count.
private func targets(_ count: Int, ignoring: Bool, using values: inout SeededValues) -> [Int32]? {
  ignoring ? values.integers(count, below: 3).map { $0 - 1 } : nil
}

private func mean(rows: Int, columns: Int, ignoring: Bool, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let targets = targets(rows * columns, ignoring: ignoring, using: &values)
  return KernelCall(
    "mean of \(rows) rows of \(columns)\(ignoring ? ", some ignored" : ""), seed \(seed)",
    inputs: [values.floats(rows * columns)],
    accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_mean(
      rows: rows, columns: columns, values: arrays.input(inputs[0]),
      targets: targets.map { arrays.input($0) }, mean: arrays.output(rows))
    lmn_mean_forward(context, &arguments)
  }
}

private func meanPullback(rows: Int, columns: Int, ignoring: Bool, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let targets = targets(rows * columns, ignoring: ignoring, using: &values)
  return KernelCall(
    "cotangent of the mean of \(rows) rows of \(columns)\(ignoring ? ", some ignored" : ""), "
      + "seed \(seed)",
    inputs: [values.floats(rows)], accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_mean_grad(
      rows: rows, columns: columns, d_mean: arrays.input(inputs[0]),
      targets: targets.map { arrays.input($0) },
      d_values: arrays.output(rows * columns))
    lmn_mean_backward(context, &arguments)
  }
}
