import CLMN
import LMNKernels
import LMNTestSupport
import Testing

/// Sizes of slots that are rewritten.
struct SlotSizes: Sendable, CustomStringConvertible {
  var streams = 1
  var slots, tokens: Int
  var heads = 1, headWidth = 8
  var hasForgetting = true
  /// Tokens that each stream reads; nil for all.
  var counts: [Int32]?

  var width: Int { heads * headWidth }
  /// A temperature of ¼.
  var scale: Float { 4 / Float(headWidth).squareRoot() }

  /// Bounds of a softmax over the slot and tokens in tiles of 96; the scale is that of inputs twice
  /// as large.
  var bounds: AttentionBounds {
    AttentionBounds(
      heads: 1, headWidth: headWidth, slots: 64 * (tokens / 64 + 2), size: 2, isBinary: true)
  }

  var description: String {
    "\(slots) slots, \(tokens) tokens, \(heads) heads of \(headWidth), \(streams) streams"
      + "\(hasForgetting ? ", forgetting" : "")\(counts.map { ", counts \($0)" } ?? "")"
  }
}

func slotWrite(_ sizes: SlotSizes, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let s = sizes
  let rows = s.streams * s.slots
  return KernelCall(
    "slot write of \(sizes), seed \(seed)",
    inputs: [
      values.floats(rows * s.width), values.floats(rows * 2 * s.width),
      values.floats(s.streams * s.tokens * 2 * s.width), values.floats(s.slots * s.width),
    ],
    // The sum with forgetting is below 2. Scores are over log 2. A normalizer is relative to the
    // largest score, which is that of another key if two are about equal.
    accuracy: .bounded { expected in
      let bounds = s.bounds
      let ofSum: Double = bounds.outputError + 2 * Rounding.unit
      let ofLargest: Double = 1.5 * (bounds.scoreError + 2 * Rounding.unit * bounds.score)
      let ofNormalizer: Double = 2 * bounds.weightError + Rounding.error(bounds.sumRoundings)
      return [
        expected[0].map { _ in ofSum }, expected[1].map { _ in ofLargest },
        expected[2].map { Double($0) * ofNormalizer },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_slot_write(
      streams: s.streams, slots: s.slots, tokens: s.tokens, width: s.width, heads: s.heads,
      scale: s.scale, counts: s.counts.map { arrays.input($0) },
      slot_values: arrays.input(inputs[0]), slot_qk: arrays.input(inputs[1]),
      token_kv: arrays.input(inputs[2]),
      forgetting: s.hasForgetting ? arrays.input(inputs[3]) : nil,
      sums: arrays.output(rows * s.width), largest: arrays.output(rows * s.heads),
      normalizer: arrays.output(rows * s.heads))
    lmn_slot_write_forward(context, &arguments)
  }
}

func slotWritePullback(_ sizes: SlotSizes, seed: UInt64 = 1) -> KernelCall {
  let forward = slotWrite(sizes, seed: seed)
  let results = forward.results(in: InstructionSet.reference.context())
  var values = SeededValues(seed: seed + 1)
  let s = sizes
  let function: @Sendable (lmn_context, GuardedArguments, [[Float]]) -> Void = {
    context, arrays, inputs in
    var arguments = lmn_slot_write_grad(
      streams: s.streams, slots: s.slots, tokens: s.tokens, width: s.width, heads: s.heads,
      scale: s.scale, counts: s.counts.map { arrays.input($0) },
      slot_values: arrays.input(inputs[0]), slot_qk: arrays.input(inputs[1]),
      token_kv: arrays.input(inputs[2]), largest: arrays.input(inputs[3]),
      normalizer: arrays.input(inputs[4]), d_sums: arrays.input(inputs[5]),
      d_slot_values: arrays.output(inputs[0].count), d_slot_qk: arrays.output(inputs[1].count),
      d_token_kv: arrays.output(inputs[2].count))
    lmn_slot_write_backward(context, &arguments)
  }
  let inputs =
    Array(forward.inputs.prefix(3)) + Array(results.dropFirst())
    + [values.floats(s.streams * s.slots * s.width)]
  return KernelCall(
    "slot write's pullback of \(sizes), seed \(seed)", inputs: inputs,
    // As of attention; a cotangent of ones gives the weights. Cotangents of weights are differences
    // of two dots: at most twice as large.
    accuracy: .bounded { expected in
      let bounds = s.bounds
      let ones = [Float](repeating: 1, count: s.streams * s.slots * s.width)
      let weights = GuardedArguments.results {
        function(InstructionSet.reference.context(), $0, inputs.dropLast() + [ones])
      }
      let score: Double = 2 * bounds.scoreCotangent
      let error: Double = bounds.scoreCotangentError
      let sum: Double = Rounding.error(min(64, s.slots) + s.slots / 64 + 2)
      let ofQuery: Double = score * (error + Rounding.error(bounds.slots + 4))
      let ofOwnKey: Double = score * (error + Rounding.error(4))
      let ofKey: Double = score * (error + sum)
      let ofValue: Double = bounds.weightError + sum
      return [
        weights[0].map { Double($0) * ofValue },
        expected[1].indices.map { index -> Double in
          let (row, place) = (index / (2 * s.width), index % (2 * s.width))
          if place < s.width { return ofQuery }
          return Double(weights[0][row * s.width + place - s.width]) * ofOwnKey
        },
        weights[2].indices.map { index -> Double in
          let isKey = index / s.width % 2 == 0
          return Double(weights[2][isKey ? index + s.width : index]) * (isKey ? ofKey : ofValue)
        },
      ]
    }, function: function)
}

@Suite struct SlotWriteTests {
  /// Slots around vectors and blocks of 64, tokens around tiles of 96; with n = 0 tokens, too.
  static let sizes: [SlotSizes] = {
    let shapes = [
      (1, 1), (2, 2), (3, 3), (1, 8), (4, 8), (2, 17), (2, 33), (1, 64), (1, 128), (1, 256),
    ]
    return combinations(
      100, of: [1, 2, 7, 8, 15, 16, 17, 33, 64, 65, 130], [0, 1, 2, 8, 64, 96, 97, 200], shapes,
      [1, 3]
    ).enumerated().map { index, size in
      let (slots, tokens, shape, streams) = size
      let some: [Int32] = [0, Int32(tokens), Int32(tokens / 2)]
      let counts: [Int32] = (0..<streams).map { some[($0 + index) % 3] }
      return SlotSizes(
        streams: streams, slots: slots, tokens: tokens, heads: shape.0, headWidth: shape.1,
        hasForgetting: index % 3 != 0, counts: index % 4 == 1 ? counts : nil)
    }
  }()

  static let sharedCalls = [
    SlotSizes(slots: 16, tokens: 64, heads: 4, headWidth: 16),
    SlotSizes(streams: 3, slots: 5, tokens: 20, heads: 2, headWidth: 6, counts: [0, 20, 7]),
  ].flatMap { [slotWrite($0), slotWritePullback($0)] }

  @Test(arguments: InstructionSet.tuned, sizes.flatMap { [slotWrite($0), slotWritePullback($0)] })
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// A slot attends to itself and to tokens, never to another slot: a change of one leaves the
  /// others' bits.
  @Test(arguments: InstructionSet.available)
  func slotsDoNotSeeEachOther(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let write = SlotWrite(heads: 2, segment: 10, temperature: 0.5, epsilon: 1e-6)
      let (slots, tokens) = (Tensor.random([5, 8], seed: 1), Tensor.random([10, 16], seed: 2))
      let weight = Tensor.random([16, 8], seed: 3)
      var other = slots
      other.withMutableScalars { $0[3 * 8] += 1 }
      let results = [slots, other].map {
        write($0, reading: tokens, weight: weight, forgetting: nil).slots
      }
      for slot in 0..<5 {
        let rows = 5 + slot..<6 + slot
        #expect((results[0].rows(rows) == results[1].rows(rows)) == (slot != 3))
      }
    }
  }

  /// Of scores of several hundred, too, since products with subnormal numbers are slow.
  @Test(arguments: InstructionSet.tuned)
  func nothingIsSubnormal(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let write = SlotWrite(heads: 2, segment: 10, temperature: 0.25, epsilon: 1e-6)
      let (slots, tokens) = (Tensor.random([20, 8], seed: 1), Tensor.random([20, 16], seed: 2))
      let weight = Tensor.random([16, 8], seed: 3).scaled(by: 10)
      let results = write(slots, reading: tokens, weight: weight, forgetting: nil)
      let pulled = write.pullback(
        .random([60, 8], seed: 4), results: results, reading: tokens, weight: weight,
        forgetting: nil)
      for values in [results.slots, pulled.slots, pulled.tokens, pulled.weight] {
        #expect(values.scalars.allSatisfy { !$0.isSubnormal })
      }
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = SlotWrite(heads: 1, segment: 3, temperature: 1, epsilon: 1e-6)(
        Tensor(shape: [2, 4], repeating: 0), reading: Tensor(shape: [4, 8], repeating: 0),
        weight: Tensor(shape: [8, 4], repeating: 0), forgetting: nil)
    }
  }
}
