import CLMN
import LMNKernels
import LMNTestSupport
import Testing

/// Rules of linear recurrences.
enum RecurrenceRule: String, CaseIterable {
  /// Without decay, with one of the whole state, with one per row of the state.
  case linear, decayed, gatedLinear
  /// The delta rule, without and with decay.
  case delta, gatedDelta

  var hasBeta: Bool { self == .delta || self == .gatedDelta }

  func decayWidth(keyWidth: Int) -> Int {
    switch self {
    case .linear, .delta: 0
    case .decayed, .gatedDelta: 1
    case .gatedLinear: keyWidth
    }
  }
}

/// Ranges of log-decays.
enum Decays: String, CaseIterable {
  case mild, strong
  /// None, nearly none, and far below the smallest factor.
  case mixed

  func drawn(_ count: Int, using values: inout SeededValues) -> [Float] {
    switch self {
    case .mild: return values.floats(count, in: -0.1...0)
    case .strong: return values.floats(count, in: -20...0)
    case .mixed:
      let levels: [Float] = [0, -0.0, -1e-4, -0.5, -3, -20, -100, -1e30]
      return values.integers(count, below: 40).map { levels[max(0, Int($0) - 32)] }
    }
  }
}

/// Sizes and rule of a linear recurrence.
struct RecurrenceCase: CustomStringConvertible {
  var rule: RecurrenceRule
  var rows: Int
  var division = SegmentDivision.whole
  var heads = 1
  var keyWidth, valueWidth, chunk: Int
  var decays = Decays.mild
  /// Whether keys have length 1 instead of one at which absolute values grow little.
  var hasUnitKeys = false

  var decayWidth: Int { rule.decayWidth(keyWidth: keyWidth) }
  var stateCount: Int { division.count * heads * keyWidth * valueWidth }
  /// Chunks of all segments, at most.
  var chunks: Int { rows / chunk + division.count }

  var description: String {
    """
    \(decays) \(rule) of \(rows) rows, \(division), \(heads) heads of \(keyWidth) and \
    \(valueWidth), chunks of \(chunk)\(hasUnitKeys ? ", unit keys" : "")
    """
  }

  /// Random inputs: queries, keys, values, beta, decay, state, and the cotangents of output and
  /// next state.
  ///
  /// Absolute values of a state under the delta rule grow by 1 + beta · |key|² per row. Short keys
  /// keep the product over all rows below exp(2).
  func inputs(seed: UInt64) -> [[Float]] {
    var values = SeededValues(seed: seed)
    let count = rows * heads
    var keys = values.floats(count * keyWidth)
    if hasUnitKeys {
      for row in 0..<count {
        let own = row * keyWidth..<(row + 1) * keyWidth
        let length = keys[own].reduce(0) { $0 + $1 * $1 }.squareRoot()
        for place in own { keys[place] /= max(length, 1e-6) }
      }
    } else if rule.hasBeta {
      let border = min(1, 2 / Float(max(rows, 1)) / Float(keyWidth)).squareRoot()
      keys = keys.map { border * $0 }
    }
    return [
      values.floats(count * keyWidth), keys, values.floats(count * valueWidth),
      rule.hasBeta ? values.floats(count, in: 0...1) : [],
      decays.drawn(count * decayWidth, using: &values), values.floats(stateCount),
      values.floats(count * valueWidth), values.floats(stateCount),
    ]
  }
}

/// Index of each result of ``recurrence(_:accuracy:seed:)``.
enum RecurrenceResult: Int, CaseIterable {
  case nextState, output, errors, chunkStates
  case d_queries, d_keys, d_values, d_beta, d_decay, d_state
}

/// Value of states before chunks that are not written.
private let untouched: Float = 7

/// A recurrence, then its pullback.
func recurrence(
  _ size: RecurrenceCase, accuracy: Accuracy? = nil, seed: UInt64 = 1
) -> KernelCall {
  let offsets = size.division.offsets(rows: size.rows)
  let (keys, values) = (
    size.rows * size.heads * size.keyWidth, size.rows * size.heads * size.valueWidth
  )
  let (hasBeta, hasDecay) = (size.rule.hasBeta, size.decayWidth > 0)
  return KernelCall(
    "\(size), seed \(seed)", inputs: size.inputs(seed: seed),
    accuracy: accuracy ?? boundsByAbsoluteValues(size)
  ) { context, arrays, inputs in
    let chunkStates = [Float](
      repeating: untouched, count: size.chunks * size.stateCount / size.division.count)
    var forward = lmn_linear_recurrence(
      rows: size.rows, heads: size.heads, key_width: size.keyWidth,
      value_width: size.valueWidth, decay_width: max(size.decayWidth, 1), chunk: size.chunk,
      segments: size.division.count, offsets: offsets.map(arrays.input),
      queries: arrays.input(inputs[0]), keys: arrays.input(inputs[1]),
      values: arrays.input(inputs[2]), beta: hasBeta ? arrays.input(inputs[3]) : nil,
      decay: hasDecay ? arrays.input(inputs[4]) : nil, state: arrays.input(inputs[5]),
      next_state: arrays.output(size.stateCount), output: arrays.output(values),
      errors: arrays.output(hasBeta ? values : 0), chunk_states: arrays.updated(chunkStates))
    precondition(lmn_linear_recurrence_chunks(&forward) == size.chunks)
    lmn_linear_recurrence_forward(context, &forward)
    var gradient = lmn_linear_recurrence_grad(
      forward: forward, d_output: arrays.input(inputs[6]), d_next_state: arrays.input(inputs[7]),
      d_queries: arrays.output(keys), d_keys: arrays.output(keys),
      d_values: arrays.output(values), d_beta: arrays.output(inputs[3].count),
      d_decay: arrays.output(inputs[4].count), d_state: arrays.output(size.stateCount))
    lmn_linear_recurrence_backward(context, &gradient)
  }
}

/// Factors below 1e-30 count as 0, where they multiply values and sums of at most 1e6.
private let flushed = 1e-24

/// Bounds by the reference's results on absolute values.
///
/// Every result is a sum of products of inputs and single decays, of which chunks compute the same
/// ones in another order. With values and beta negative, and the other inputs positive, an error is
/// -(|value| + |key| · state), so no terms of the reference cancel.
///
/// The roundings of a chain, per row: without a delta rule a fused product and a decay (exp has two
/// roundings, a product one), forward and backward; with it, the row's error is a link of the chain,
/// with a dot product of keys or values in it, its decay and its factors.
///
/// The cotangent of a decay is computed from that of a logarithmic sum of decays, c, which is
/// query · d_query - key · d_key per row, plus the last row's: these are larger than it and cancel.
private func boundsByAbsoluteValues(_ size: RecurrenceCase) -> Accuracy {
  Accuracy { call, expected in
    let inputs = call.inputs.enumerated().map { index, values in
      switch index {
      case 2: values.map { size.rule.hasBeta ? -abs($0) : abs($0) }
      case 3: values.map { -abs($0) }
      case 4: values
      default: values.map(abs)
      }
    }
    let magnitudes = call.results(in: InstructionSet.reference.context(), inputs: inputs)
      .map { $0.map { Double(abs($0)) } }
    let widths = size.keyWidth + size.valueWidth
    let roundings =
      size.rule.hasBeta
      ? (size.rows + 2) * (2 * widths + 24)
      : 10 * size.rows + 2 * (widths + size.chunk) + 40
    return RecurrenceResult.allCases.map { result in
      if result == .d_decay {
        let sums = Rounding.ofDot(size.keyWidth * size.valueWidth) + size.chunk
        return magnitudesOfDecays(size, inputs, magnitudes)
          .map { Rounding.error(roundings + sums) * $0 + flushed }
      }
      return magnitudes[result.rawValue].map { Rounding.error(roundings) * $0 + flushed }
    }
  }
}

/// Sums over the rows of a segment of |query · d_query| + |key · d_key|, and of the state's product
/// with its cotangent: twice, since that of the last row has no more than these terms.
private func magnitudesOfDecays(
  _ size: RecurrenceCase, _ inputs: [[Float]], _ magnitudes: [[Double]]
) -> [Double] {
  let (width, decayWidth) = (size.keyWidth, size.decayWidth)
  guard decayWidth > 0 else { return [] }
  func magnitude(_ result: RecurrenceResult, _ index: Int) -> Double {
    magnitudes[result.rawValue][index]
  }
  var bounds = [Double](repeating: 0, count: inputs[4].count)
  for (segment, range) in size.division.ranges(rows: size.rows).enumerated() {
    for head in 0..<size.heads {
      var sums = [Double](repeating: 0, count: decayWidth)
      for row in range {
        for feature in 0..<width {
          let index = (row * size.heads + head) * width + feature
          sums[feature % decayWidth] +=
            Double(inputs[0][index]) * magnitude(.d_queries, index)
            + Double(inputs[1][index]) * magnitude(.d_keys, index)
        }
      }
      let state = (segment * size.heads + head) * width * size.valueWidth
      for place in 0..<width * size.valueWidth {
        sums[place / size.valueWidth % decayWidth] +=
          Double(inputs[5][state + place]) * magnitude(.d_state, state + place)
      }
      for row in range {
        for index in 0..<decayWidth {
          bounds[(row * size.heads + head) * decayWidth + index] = 2 * sums[index]
        }
      }
    }
  }
  return bounds
}

/// One step of the chosen memories.
func recurrenceStep(
  _ rule: RecurrenceRule, _ kind: ChoiceKind, heads: Int, keyWidth: Int, valueWidth: Int,
  decays: Decays = .mild, seed: UInt64 = 1
) -> KernelCall {
  var random = SeededValues(seed: seed)
  let choices = kind.drawn(streams: 5, using: &random)
  let size = RecurrenceCase(
    rule: rule, rows: choices.rows, heads: heads, keyWidth: keyWidth, valueWidth: valueWidth,
    chunk: 1, decays: decays)
  let inputs = Array(size.inputs(seed: seed)[..<5])
  let states = random.floats(choices.streams * choices.memories * heads * keyWidth * valueWidth)
  return KernelCall(
    "\(kind) step of \(size), seed \(seed)", inputs: inputs + [states],
    // A decay, the dot product of the key, a difference, beta, a fused product; for the output the
    // dot product of the query; and the reference's rounding. Memories that are not chosen do not
    // change.
    accuracy: Accuracy { call, _ in
      let absolute = call.inputs.enumerated().map { index, values in
        switch index {
        case 2: values.map { rule.hasBeta ? -abs($0) : abs($0) }
        case 3: values.map { -abs($0) }
        case 4: values
        default: values.map(abs)
        }
      }
      let magnitudes = call.results(in: InstructionSet.reference.context(), inputs: absolute)
      let received = Set(
        (0..<choices.streams).flatMap { stream in
          choices.received(by: stream).map { stream * choices.memories + $0 }
        })
      let perMemory = heads * keyWidth * valueWidth
      return [
        magnitudes[0].enumerated().map { index, magnitude in
          received.contains(index / perMemory)
            ? Rounding.error(keyWidth + 8) * Double(magnitude) + flushed : 0
        },
        magnitudes[1].map { Rounding.error(2 * keyWidth + 9) * Double($0) + flushed },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_linear_recurrence_step(
      choices: choices.arguments(in: arrays), heads: heads, key_width: keyWidth,
      value_width: valueWidth, decay_width: max(size.decayWidth, 1),
      queries: arrays.input(inputs[0]), keys: arrays.input(inputs[1]),
      values: arrays.input(inputs[2]), beta: rule.hasBeta ? arrays.input(inputs[3]) : nil,
      decay: size.decayWidth > 0 ? arrays.input(inputs[4]) : nil,
      states: arrays.updated(inputs[5]), output: arrays.output(inputs[2].count))
    lmn_linear_recurrence_step_forward(context, &arguments)
  }
}
