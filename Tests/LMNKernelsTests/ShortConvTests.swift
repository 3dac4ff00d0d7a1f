import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct ShortConvTests {
  static let calls: [KernelCall] = {
    let small = combinations(
      200, of: [0, 1, 2, 3, 4, 5, 17, 40], SegmentDivision.allCases, [1, 2, 3, 4, 5, 9, 64],
      awkwardSizes
    ).flatMap { calls(rows: $0, divided: $1, taps: $2, width: $3) }
    // Sums of taps are flushed every 256 rows.
    let long = SegmentDivision.allCases.flatMap {
      calls(rows: 1100, divided: $0, taps: 4, width: 5)
    }
    let flushes = [255, 256, 257, 513].map {
      pullback(rows: $0, divided: .whole, taps: 3, width: 9, scale: 1)
    }
    return small + long + flushes
  }()
  static let sharedCalls =
    calls(rows: 70, divided: .ragged, taps: 4, width: 200)
    + calls(rows: 40, divided: .emptyMiddle, taps: 7, width: 150)
    + [step(.routed, taps: 4, width: 70), step(.own, taps: 3, width: 33)]
  static let steps = combinations(60, of: ChoiceKind.allCases, [1, 2, 3, 4, 9], awkwardSizes).map {
    step($0, taps: $1, width: $2)
  }

  private static func calls(
    rows: Int, divided division: SegmentDivision, taps: Int, width: Int
  ) -> [KernelCall] {
    [1, 20].flatMap { (scale: Float) in
      [
        convolution(rows: rows, divided: division, taps: taps, width: width, scale: scale),
        pullback(rows: rows, divided: division, taps: taps, width: width, scale: scale),
      ]
    }
  }

  @Test(arguments: InstructionSet.tuned, calls + steps + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Taps 1, 10 and 100, the last one of the row itself; 1 and 2 are before the first row.
  @Test(arguments: InstructionSet.available)
  func convolvesByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let (activated, next) = Tensor(shape: [2, 1], scalars: [3, 4]).shortConv(
        taps: Tensor(shape: [3, 1], scalars: [1, 10, 100]),
        history: Tensor(shape: [1, 2, 1], scalars: [1, 2]), of: Segments(rows: 2))
      #expect(activated.scalars == [321, 432])
      #expect(next.scalars == [3, 4])
      let (one, shorter) = Tensor(shape: [1, 1], scalars: [3]).shortConv(
        taps: Tensor(shape: [3, 1], scalars: [1, 10, 100]),
        history: Tensor(shape: [1, 2, 1], scalars: [1, 2]), of: Segments(rows: 1))
      #expect(one.scalars == [321])
      #expect(shorter.scalars == [2, 3])
    }
  }

  /// Parts with the history of the part before give the bits of the whole.
  @Test(arguments: InstructionSet.available, [1, 2, 4, 9])
  func partsEqualTheWhole(_ instructionSet: InstructionSet, taps: Int) {
    computing(on: instructionSet) {
      let (x, weights) = (Tensor.random([40, 5], seed: 1), Tensor.random([taps, 5], seed: 2))
      let before = Tensor.random([1, taps - 1, 5], seed: 3)
      let whole = x.shortConv(taps: weights, history: before, of: Segments(rows: 40))
      var (history, activated, row) = (before, [Float](), 0)
      for length in [1, 2, 17, 0, 1, 19] {
        let part = x.rows(row..<row + length).shortConv(
          taps: weights, history: history, of: Segments(rows: length))
        (history, row) = (part.nextHistory, row + length)
        activated += part.activated.scalars
      }
      #expect(activated == whole.activated.scalars)
      #expect(history == whole.nextHistory)
    }
  }

  /// A step is a segment of one row per chosen memory; other memories keep their history.
  @Test(arguments: InstructionSet.available, [1, 2, 4])
  func stepsEqualSegmentsOfOneRow(_ instructionSet: InstructionSet, taps: Int) {
    computing(on: instructionSet) {
      let (streams, width) = (5, 7)
      let weights = Tensor.random([taps, width], seed: 2)
      let grouping = Grouping(
        Tensor.random([streams, 3], seed: 1).routed(to: 2), isShared: true)
      let choices = StreamChoices(grouping)
      let size = (taps - 1) * width
      let before = Tensor.random([streams, 4, taps - 1, width], seed: 3)
      let history = Tensor(overwritable: before)
      let x = Tensor.random([grouping.segments.rows, width], seed: 4)
      let activated = x.shortConvStep(taps: weights, history: history, of: choices)
      var expected = before.scalars
      for stream in 0..<streams {
        let chosen = grouping.received(by: stream)
        for (memory, row) in chosen {
          let at = (stream * 4 + memory) * size
          let alone = x.rows(row..<row + 1).shortConv(
            taps: weights,
            history: Tensor(
              shape: [1, taps - 1, width], scalars: Array(before.scalars[at..<at + size])),
            of: Segments(rows: 1))
          #expect(alone.activated == activated.rows(row..<row + 1))
          expected.replaceSubrange(at..<at + size, with: alone.nextHistory.scalars)
        }
      }
      #expect(history.scalars == expected)
    }
  }

  @Test func trapsOnShapesThatDoNotMatch() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).shortConv(
        taps: Tensor(shape: [4, 2], repeating: 0), history: Tensor(shape: [1, 4, 2], repeating: 0),
        of: Segments(rows: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).shortConv(
        taps: Tensor(shape: [65, 2], repeating: 0),
        history: Tensor(shape: [1, 64, 2], repeating: 0), of: Segments(rows: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).shortConv(
        taps: Tensor(shape: [4, 2], repeating: 0), history: Tensor(shape: [1, 3, 2], repeating: 0),
        of: Segments(rows: 2))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).shortConvStep(
        taps: Tensor(shape: [4, 2], repeating: 0), history: Tensor(shape: [2, 3, 2], repeating: 0),
        of: StreamChoices(streams: 3))
    }
  }
}

/// Largest sigmoid where exp is cut off.
private let leftover = exp(-87.0)

/// Taps whose convolutions of values up to `scale` are at most `scale`.
private func taps(_ count: Int, width: Int, using values: inout SeededValues) -> [Float] {
  let border = 1 / Float(count)
  return values.floats(count * width, in: -border...border)
}

/// Bound of SiLU after a convolution s, whose sum of absolute values is m.
///
/// W roundings of m, with a slope
/// of at most 1.1; exp, 1 + exp, the quotient, the product and the reference's rounding of |s| <= m.
/// On absolute values the reference gives silu(m), at least m / 2.
private func activatedBound(taps: Int, magnitude: Float) -> Double {
  2 * Double(magnitude)
    * (1.1 * Rounding.error(taps) + Rounding.error(Exponential.roundings + 4) + leftover)
}

private func convolution(
  rows: Int, divided division: SegmentDivision, taps count: Int, width: Int, scale: Float,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (segments, offsets) = (division.count, division.offsets(rows: rows))
  let before = segments * (count - 1) * width
  return KernelCall(
    "\(division) convolution of [\(rows), \(width)], \(count) taps, scale \(scale), seed \(seed)",
    inputs: [
      values.floats(rows * width, in: -scale...scale), taps(count, width: width, using: &values),
      values.floats(before, in: -scale...scale),
    ],
    accuracy: Accuracy { call, expected in
      let magnitudes = call.results(
        in: InstructionSet.reference.context(), inputs: call.inputs.map { $0.map(abs) })
      return [
        magnitudes[0].map { activatedBound(taps: count, magnitude: $0) },
        expected[1].map { _ in 0 },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_short_conv(
      rows: rows, width: width, taps_count: count, segments: segments,
      offsets: offsets.map(arrays.input), x: arrays.input(inputs[0]),
      taps: arrays.input(inputs[1]), history: arrays.input(inputs[2]),
      activated: arrays.output(rows * width), next_history: arrays.output(before))
    lmn_short_conv_forward(context, &arguments)
  }
}

private func pullback(
  rows: Int, divided division: SegmentDivision, taps count: Int, width: Int, scale: Float,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (segments, offsets) = (division.count, division.offsets(rows: rows))
  let before = segments * (count - 1) * width
  return KernelCall(
    """
    \(division) convolution's pullback of [\(rows), \(width)], \(count) taps, scale \(scale), \
    seed \(seed)
    """,
    inputs: [
      values.floats(rows * width, in: -scale...scale), taps(count, width: width, using: &values),
      values.floats(before, in: -scale...scale), values.floats(rows * width),
      values.floats(before),
    ],
    // The slope of SiLU at a convolution of at most `scale`: W roundings of it times a curvature of
    // at most 1/2, and the slope's own, see ActivationTests, times 1 + scale. Then the sum over
    // taps, or over rows: blocks of 256 and their sum per segment; and the reference's rounding. On
    // absolute values slopes are from 1/2 to 1.1, so the sums have twice the reference's magnitude.
    accuracy: Accuracy { call, _ in
      let magnitudes = call.results(
        in: InstructionSet.reference.context(), inputs: call.inputs.map { $0.map(abs) })
      let slope =
        Double(scale) * Rounding.error(count) / 2
        + Double(1 + scale)
        * (Rounding.error(2 * (Exponential.roundings + 2) + 5) + leftover)
      let sums = [count + 2, min(rows, 256) + rows / 256 + segments + 2, count + 2]
      return zip(magnitudes, sums).map { magnitudes, sum in
        magnitudes.map { 2 * Double($0) * (slope + 1.1 * Rounding.error(sum)) }
      }
    }
  ) { context, arrays, inputs in
    var arguments = lmn_short_conv_grad(
      forward: lmn_short_conv(
        rows: rows, width: width, taps_count: count, segments: segments,
        offsets: offsets.map(arrays.input), x: arrays.input(inputs[0]),
        taps: arrays.input(inputs[1]), history: arrays.input(inputs[2]), activated: nil,
        next_history: nil),
      d_activated: arrays.input(inputs[3]), d_next_history: arrays.input(inputs[4]),
      d_x: arrays.output(rows * width), d_taps: arrays.output(count * width),
      d_history: arrays.output(before))
    lmn_short_conv_backward(context, &arguments)
  }
}

private func step(
  _ kind: ChoiceKind, taps count: Int, width: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let choices = kind.drawn(streams: 5, using: &values)
  return KernelCall(
    "\(kind) step of \(choices.streams) convolutions of \(count) taps, width \(width), seed \(seed)",
    inputs: [
      values.floats(choices.rows * width), taps(count, width: width, using: &values),
      values.floats(choices.streams * choices.memories * (count - 1) * width),
    ],
    accuracy: Accuracy { call, expected in
      let magnitudes = call.results(
        in: InstructionSet.reference.context(), inputs: call.inputs.map { $0.map(abs) })
      return [
        expected[0].map { _ in 0 },
        magnitudes[1].map { activatedBound(taps: count, magnitude: $0) },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_short_conv_step(
      choices: choices.arguments(in: arrays), width: width, taps_count: count,
      x: arrays.input(inputs[0]), taps: arrays.input(inputs[1]),
      history: arrays.updated(inputs[2]), activated: arrays.output(choices.rows * width))
    lmn_short_conv_step_forward(context, &arguments)
  }
}
