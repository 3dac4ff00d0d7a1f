import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CombineTests {
  static let calls = combinations(
    200, of: [0, 1, 2, 7], [1, 2, 3, 5, 9], [0, 1], awkwardSizes
  ).flatMap { rows, routed, shared, width in
    calls(rows: rows, routed: routed, shared: shared, width: width)
  }
  static let sharedCalls =
    calls(rows: 1100, routed: 2, shared: 1, width: 33)
    + calls(rows: 30, routed: 3, shared: 0, width: 300)

  private static func calls(rows: Int, routed: Int, shared: Int, width: Int) -> [KernelCall] {
    [
      dispatch(rows: rows, routed: routed, shared: shared, width: width),
      dispatch(rows: rows, routed: 0, shared: routed + shared, width: width),
      combine(rows: rows, routed: routed, shared: shared, width: width),
      combine(rows: rows, routed: 0, shared: routed + shared, width: width),
      combinePullback(rows: rows, routed: routed, shared: shared, width: width),
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

  /// The second token chooses memory 0, the others memory 1; weights 1/2 stand for themselves.
  @Test(arguments: InstructionSet.available)
  func dispatchesAndCombinesByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let logits = Tensor(shape: [3, 2], scalars: [0, 1, 1, 0, 0, 1])
      let x = Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6])
      let half = Tensor(shape: [3, 1], repeating: 0.5)
      let alone = Grouping(logits.routed(to: 1), isShared: false)
      #expect(x.dispatched(by: alone).scalars == [3, 4, 1, 2, 5, 6])
      let grouping = Grouping(logits.routed(to: 1), isShared: true)
      let rows = x.dispatched(by: grouping)
      #expect(rows.scalars == [3, 4, 1, 2, 5, 6] + x.scalars)
      #expect(
        x.dispatched(by: grouping, weights: half).scalars
          == [1.5, 2, 0.5, 1, 2.5, 3] + x.scalars)
      #expect(rows.combined(by: grouping).scalars == x.scaled(by: 2).scalars)
      #expect(
        rows.combined(by: grouping, weights: half).scalars == x.scaled(by: 1.5).scalars)
      #expect(rows.combinedPullback(ofWeights: x, by: grouping).scalars == [5, 25, 61])
    }
  }

  @Test func trapsOnShapesThatDoNotMatch() async {
    await #expect(processExitsWith: .failure) {
      let grouping = Grouping(Tensor(shape: [3, 2], repeating: 0).routed(to: 1), isShared: true)
      _ = Tensor(shape: [6, 2], repeating: 0).dispatched(by: grouping)
    }
    await #expect(processExitsWith: .failure) {
      let grouping = Grouping(Tensor(shape: [3, 2], repeating: 0).routed(to: 1), isShared: true)
      _ = Tensor(shape: [3, 2], repeating: 0).combined(by: grouping)
    }
    await #expect(processExitsWith: .failure) {
      let grouping = Grouping(Tensor(shape: [3, 2], repeating: 0).routed(to: 1), isShared: true)
      _ = Tensor(shape: [6, 2], repeating: 0).combined(
        by: grouping, weights: Tensor(shape: [3, 2], repeating: 0))
    }
  }
}

/// Rows of the choices of tokens in a random order.
private struct Choices {
  let rows, routed, shared: Int
  let places: [Int32]

  init(rows: Int, routed: Int, shared: Int, using values: inout SeededValues) {
    (self.rows, self.routed, self.shared) = (rows, routed, shared)
    places = (0..<Int32(rows * (routed + shared))).shuffled(using: &values)
  }

  var count: Int { routed + shared }

  func arguments(_ weights: [Float], in arrays: GuardedArguments) -> lmn_choices {
    lmn_choices(
      rows: rows, choices: count, routed: routed, places: arrays.input(places),
      weights: routed > 0 ? arrays.input(weights) : nil)
  }
}

private func dispatch(
  rows: Int, routed: Int, shared: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let choices = Choices(rows: rows, routed: routed, shared: shared, using: &values)
  return KernelCall(
    "[\(rows), \(width)] to \(routed) + \(shared) places, seed \(seed)",
    inputs: [values.floats(rows * width), values.floats(rows * routed)],
    accuracy: .exact
  ) { context, arrays, inputs in
    var arguments = lmn_dispatch(
      choices: choices.arguments(inputs[1], in: arrays), width: width,
      tokens: arrays.input(inputs[0]), dispatched: arrays.output(rows * choices.count * width))
    lmn_dispatch_forward(context, &arguments)
  }
}

private func combine(
  rows: Int, routed: Int, shared: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let choices = Choices(rows: rows, routed: routed, shared: shared, using: &values)
  return KernelCall(
    "[\(rows), \(width)] from \(routed) + \(shared) places, seed \(seed)",
    inputs: [values.floats(rows * choices.count * width), values.floats(rows * routed)],
    accuracy: .polynomial(roundings: choices.count + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_combine(
      choices: choices.arguments(inputs[1], in: arrays), width: width,
      dispatched: arrays.input(inputs[0]), combined: arrays.output(rows * width))
    lmn_combine_forward(context, &arguments)
  }
}

private func combinePullback(
  rows: Int, routed: Int, shared: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let choices = Choices(rows: rows, routed: routed, shared: shared, using: &values)
  return KernelCall(
    "pullback of the weights of \(routed) + \(shared) places of [\(rows), \(width)], seed \(seed)",
    inputs: [values.floats(rows * choices.count * width), values.floats(rows * width)],
    accuracy: .polynomial(roundings: Rounding.ofDot(width) + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_combine_grad(
      choices: choices.arguments([Float](repeating: .nan, count: rows * routed), in: arrays),
      width: width, dispatched: arrays.input(inputs[0]), d_combined: arrays.input(inputs[1]),
      d_weights: arrays.output(rows * routed))
    lmn_combine_backward(context, &arguments)
  }
}
