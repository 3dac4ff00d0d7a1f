import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

/// One segment, segments of routed tokens of several lengths, and segments of which some are empty.
let recurrenceSegments: [Segments] =
  [Segments(rows: 1), Segments(rows: 7), Segments(rows: 40)]
  + [(5, 3, 1, false), (9, 4, 2, true)].map { tokens, memories, routed, isShared in
    Grouping(
      Tensor.random([tokens, memories], seed: 1).routed(to: routed), isShared: isShared
    ).segments
  }
  + (0..<3).map { memory in
    let logits = Tensor(shape: [4, 3], scalars: (0..<12).map { $0 % 3 == memory ? 1 : 0 })
    return Grouping(logits.routed(to: 1), isShared: false).segments
  }

/// Rules of linear recurrences.
enum RecurrenceRule: String, CaseIterable {
  case linear, decayed, gatedLinear, delta, gatedDelta

  var hasBeta: Bool { self == .delta || self == .gatedDelta }
}

@Suite struct LinearRecurrenceTests {
  /// Queries, keys, values and state, then beta and decay, if there are any.
  private static func inputs(
    _ rule: RecurrenceRule, _ segments: Segments, heads: Int, widths: [Int]
  ) -> [Tensor] {
    let (rows, keyWidth) = (segments.rows, widths[0])
    var values = SeededValues(seed: 5)
    let scale = 1 / Float(keyWidth).squareRoot()
    var inputs = [
      Tensor.random([rows, heads * keyWidth], seed: 1).scaled(by: scale),
      Tensor.random([rows, heads * keyWidth], seed: 2).scaled(by: scale),
      .random([rows, heads * widths[1]], seed: 3),
      .random([segments.count, heads, keyWidth, widths[1]], seed: 4),
    ]
    if rule.hasBeta {
      let beta = values.floats(rows * heads, in: 0.1...0.9)
      inputs.append(Tensor(shape: [rows, heads], scalars: beta))
    }
    if rule != .linear && rule != .delta {
      let width = heads * (rule == .gatedLinear ? keyWidth : 1)
      let decay = values.floats(rows * width, in: -1 ... -0.05)
      inputs.append(Tensor(shape: [rows, width], scalars: decay))
    }
    return inputs
  }

  private static func results(
    _ v: [Variable], _ rule: RecurrenceRule, _ segments: Segments, heads: Int, chunk: Int?
  ) -> (output: Variable, nextState: Variable) {
    var rest = v[4...]
    let beta = rule.hasBeta ? rest.popFirst() : nil
    return v[0].linearRecurrence(
      keys: v[1], values: v[2], beta: beta, decay: rest.popFirst(), heads: heads, after: v[3],
      of: segments, chunk: chunk)
  }

  /// Output and next state alone, and both in one computation.
  @Test(arguments: RecurrenceRule.allCases, recurrenceSegments.indices)
  func gradients(_ rule: RecurrenceRule, _ index: Int) {
    let segments = recurrenceSegments[index]
    for (heads, widths, chunk) in combinations(
      3, of: [1, 2], [[3, 5], [1, 1], [6, 4]], [nil, 1, 4, 16])
    {
      let inputs = Self.inputs(rule, segments, heads: heads, widths: widths)
      func results(_ v: [Variable]) -> (output: Variable, nextState: Variable) {
        Self.results(v, rule, segments, heads: heads, chunk: chunk)
      }
      expectGradients(of: { results($0).output }, at: inputs)
      expectGradients(of: { results($0).nextState }, at: inputs)
      expectGradients(
        of: { v in
          let found = results(v)
          return Variable.concatenatingRows(
            [found.output, found.nextState].map {
              $0.reshaped([$0.value.count / widths[1], widths[1]])
            })
        }, at: inputs)
    }
  }

  /// Gradients flow through the state to the rows of the part before.
  @Test(arguments: RecurrenceRule.allCases)
  func gradientsFlowThroughParts(_ rule: RecurrenceRule) {
    let (first, second) = (Segments(rows: 9), Segments(rows: 6))
    let inputs = Self.inputs(rule, first, heads: 2, widths: [3, 4])
    var later = Self.inputs(rule, second, heads: 2, widths: [3, 4])
    later.remove(at: 3)
    expectGradients(
      of: { v in
        let before = Self.results(
          Array(v[..<inputs.count]), rule, first, heads: 2, chunk: 4)
        var next = Array(v[inputs.count...])
        next.insert(before.nextState, at: 3)
        return Self.results(next, rule, second, heads: 2, chunk: 4).output
      }, at: inputs + later)
  }

  /// A recurrence of constants keeps no states for a pullback, and has no gradients.
  @Test func constantsGiveConstants() {
    let inputs = Self.inputs(.gatedDelta, Segments(rows: 5), heads: 1, widths: [2, 3])
    let found = Self.results(
      inputs.map(Variable.init(constant:)), .gatedDelta, Segments(rows: 5), heads: 1, chunk: nil)
    let x = Variable(parameter: inputs[2])
    let gradients = (found.output + x).gradients(cotangent: inputs[2])
    #expect(gradients[found.output] == nil)
    #expect(gradients[x] == inputs[2])
  }
}
