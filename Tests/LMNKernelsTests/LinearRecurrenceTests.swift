import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct LinearRecurrenceTests {
  static let calls: [KernelCall] = {
    let widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 70]
    // Rows around multiples of the chunk, as a multiple of it and a difference.
    let lengths = [(0, 0), (0, 1), (0, 3), (1, -1), (1, 0), (1, 1), (2, -1), (2, 1), (3, 2)]
    let small = combinations(
      120, of: RecurrenceRule.allCases, [1, 7, 16, 32, 64], lengths, SegmentDivision.allCases,
      [1, 2], widths, widths, Decays.allCases
    ).enumerated().map { seed, size in
      recurrence(
        RecurrenceCase(
          rule: size.0, rows: max(0, size.2.0 * size.1 + size.2.1), division: size.3,
          heads: size.4, keyWidth: size.5, valueWidth: size.6, chunk: size.1, decays: size.7),
        seed: UInt64(seed))
    }
    let wide = RecurrenceRule.allCases.flatMap { rule in
      [(256, 256), (256, 3), (3, 256)].map {
        recurrence(
          RecurrenceCase(rule: rule, rows: 19, keyWidth: $0, valueWidth: $1, chunk: 16))
      }
    }
    let long = RecurrenceRule.allCases.flatMap { rule in
      [(16, SegmentDivision.whole), (64, .ragged)].map {
        recurrence(
          RecurrenceCase(
            rule: rule, rows: 1100, division: $1, keyWidth: 5, valueWidth: 7, chunk: $0))
      }
    }
    return small + wide + long
  }()
  static let sharedCalls =
    RecurrenceRule.allCases.map {
      recurrence(
        RecurrenceCase(
          rule: $0, rows: 150, division: .ragged, heads: 2, keyWidth: 9, valueWidth: 17, chunk: 16))
    } + stepCalls.suffix(2)
  static let stepCalls =
    combinations(
      60, of: RecurrenceRule.allCases, ChoiceKind.allCases, [1, 3], [1, 2, 5, 16, 33],
      [1, 3, 4, 8, 17, 70], Decays.allCases
    ).map {
      recurrenceStep($0, $1, heads: $2, keyWidth: $3, valueWidth: $4, decays: $5)
    }
    + RecurrenceRule.allCases.map {
      recurrenceStep($0, .shared, heads: 2, keyWidth: 256, valueWidth: 256)
    } + [
      recurrenceStep(.gatedLinear, .shared, heads: 3, keyWidth: 20, valueWidth: 33),
      recurrenceStep(.gatedDelta, .own, heads: 3, keyWidth: 20, valueWidth: 33),
    ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.tuned, stepCalls)
  func stepAgreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  // MARK: - Unit keys

  /// Chunks of one row are the plain recurrence; larger ones agree with it to 1e-5 of the largest
  /// value.
  ///
  /// Bounds by absolute values would grow by 1 + beta per row. The solve amplifies much less: scaled
  /// by the roots of beta, the system I + L is half of I plus half of a symmetric matrix, the product
  /// of keys and decays exp(-|c[i] - c[j]|), which is positive semidefinite with a diagonal of at
  /// most 1. So its symmetric part is at least I / 2, and its inverse has a norm of at most 2.
  @Test(arguments: InstructionSet.available, RecurrenceRule.allCases)
  func chunksEqualThePlainRecurrence(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    for (decays, (keyWidth, valueWidth)) in combinations(
      6, of: Decays.allCases, [(16, 16), (33, 5), (4, 40)])
    {
      var size = RecurrenceCase(
        rule: rule, rows: 130, division: .emptyMiddle, keyWidth: keyWidth, valueWidth: valueWidth,
        chunk: 1, decays: decays, hasUnitKeys: true)
      let plain = recurrence(size, accuracy: .exact).results(in: instructionSet.context())
      for chunk in [7, 16, 32, 64] {
        size.chunk = chunk
        let chunked = recurrence(size, accuracy: .exact).results(in: instructionSet.context())
        for result in RecurrenceResult.allCases where result != .chunkStates {
          let expected = plain[result.rawValue]
          let bound = 1e-5 * Double(expected.map(abs).max() ?? 0)
          expectClose(
            chunked[result.rawValue], expected, within: expected.map { _ in bound },
            "\(result) of \(size)")
        }
      }
    }
  }

  /// Roundings of the plain recurrence add up.
  ///
  /// With keys of length 1 and beta up to 1, decays and I - beta · key · keyᵀ lengthen no column of
  /// the state, so the roundings of one row grow no more but add up over the rows. A row rounds each
  /// of the column's at most three terms, of the lengths of the column or of the value, in a dot
  /// product of the key, a decay, and three more operations; the output is one more dot product.
  @Test(arguments: InstructionSet.tuned, RecurrenceRule.allCases)
  func plainRecurrenceOfUnitKeysAgreesWithReference(
    _ instructionSet: InstructionSet, _ rule: RecurrenceRule
  ) {
    for decays in Decays.allCases {
      expectRecurrenceOfUnitKeysToAgreeWithReference(
        RecurrenceCase(
          rule: rule, rows: 200, keyWidth: 9, valueWidth: 5, chunk: 1, decays: decays,
          hasUnitKeys: true), on: instructionSet)
    }
  }

  private func expectRecurrenceOfUnitKeysToAgreeWithReference(
    _ size: RecurrenceCase, on instructionSet: InstructionSet
  ) {
    let call = recurrence(size, accuracy: .exact)
    let found = call.results(in: instructionSet.context())
    let expected = call.results(in: InstructionSet.reference.context())
    let values = expected[RecurrenceResult.chunkStates.rawValue] + call.inputs[2]
    let longest = Double(size.keyWidth).squareRoot() * values.map { Double(abs($0)) }.max()!
    let bound = Double(size.rows) * 3 * longest * Rounding.error(size.keyWidth + 6)
    for result in [RecurrenceResult.nextState, .output, .errors, .chunkStates] {
      let expected = expected[result.rawValue]
      // Queries have values up to 1.
      let length = result == .output ? Double(size.keyWidth).squareRoot() : 1
      expectClose(
        found[result.rawValue], expected, within: expected.map { _ in 2 * length * bound },
        "\(result) of \(size)")
    }
  }

  /// Many chunks, in parts that hand over the state: parts of whole chunks give the bits of one
  /// call, and the errors of both do not grow with the rows.
  ///
  /// Decays of at least 1% per row forget a row's roundings, and with them all after a hundred rows.
  @Test(arguments: [RecurrenceRule.decayed, .gatedLinear, .gatedDelta])
  func longRunsDoNotDrift(_ rule: RecurrenceRule) {
    let (rows, part) = (100_000, 3200)
    let run = LongRun(rule, rows: rows)
    let parts = stride(from: 0, to: rows, by: part).map { $0..<min($0 + part, rows) }
    let expected = run.results([0..<rows], on: .reference)
    let largest = expected.output.map { Double(abs($0)) }.max()!
    for instructionSet in InstructionSet.tuned {
      let whole = run.results([0..<rows], on: instructionSet)
      let divided = run.results(parts, on: instructionSet)
      #expect(whole.output == divided.output && whole.state == divided.state)
      expectClose(
        whole.output, expected.output, within: expected.output.map { _ in 1e-5 * largest },
        "output on \(instructionSet)")
      expectClose(
        whole.state.scalars, expected.state.scalars,
        within: expected.state.scalars.map { _ in 1e-5 * largest }, "state on \(instructionSet)")
    }
  }

  /// Without decay a state is a sum over all rows, whose roundings add up.
  @Test(arguments: InstructionSet.tuned, [RecurrenceRule.linear, .delta])
  func longRunsWithoutDecayStayFinite(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    let size = RecurrenceCase(
      rule: rule, rows: 20_000, keyWidth: 4, valueWidth: 3, chunk: 32, hasUnitKeys: true)
    let call = recurrence(size, accuracy: .exact)
    let found = call.results(in: instructionSet.context())
    let expected = call.results(in: InstructionSet.reference.context())
    for result in RecurrenceResult.allCases {
      let expected = expected[result.rawValue]
      let largest = expected.map { Double(abs($0)) }.max() ?? 0
      expectClose(
        found[result.rawValue], expected, within: expected.map { _ in 1e-4 * largest },
        "\(result) of \(size)")
    }
  }

  // MARK: - Range

  @Test(arguments: InstructionSet.tuned, RecurrenceRule.allCases)
  func resultsAreFiniteAndNotDenormal(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    for (decays, chunk) in combinations(9, of: Decays.allCases, [1, 16, 64]) {
      let size = RecurrenceCase(
        rule: rule, rows: 300, heads: 2, keyWidth: 9, valueWidth: 17, chunk: chunk, decays: decays,
        hasUnitKeys: true)
      let results = recurrence(size, accuracy: .exact).results(in: instructionSet.context())
      for result in RecurrenceResult.allCases {
        let values = results[result.rawValue]
        #expect(
          values.allSatisfy { $0.isFinite && !$0.isSubnormal }, "\(result) of \(size)")
      }
    }
  }

  /// A state decays to exactly 0, in chunks and in steps, at once and by factors that are not small.
  @Test(arguments: InstructionSet.tuned, [RecurrenceRule.decayed, .gatedLinear, .gatedDelta])
  func statesDecayToZero(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    func recurrence(rows: Int, decay: Float) -> LinearRecurrence {
      let zeros = { Tensor(shape: [rows, $0], repeating: 0) }
      return LinearRecurrence(
        queries: Tensor(shape: [rows, 5], repeating: 1), keys: zeros(5), values: zeros(3),
        beta: rule.hasBeta ? Tensor(shape: [rows, 1], repeating: 1) : nil,
        decay: Tensor(shape: [rows, rule.decayWidth(keyWidth: 5)], repeating: decay), heads: 1)
    }
    let state = Tensor(shape: [1, 1, 5, 3], repeating: 1)
    computing(on: instructionSet) {
      for (rows, decay) in [(1, -100), (50, -2)] as [(Int, Float)] {
        let found = recurrence(rows: rows, decay: decay)(
          after: state, of: Segments(rows: rows), keepsStates: false)
        #expect(found.nextState.scalars.allSatisfy { $0 == 0 })
        #expect(found.output.scalars.suffix(3).allSatisfy { $0 < 1e-30 })
        let (states, step) = (Tensor(overwritable: state), recurrence(rows: 1, decay: decay))
        for _ in 0..<rows { _ = step.step(states, of: StreamChoices(streams: 1)) }
        #expect(states.scalars.allSatisfy { $0 == 0 })
      }
    }
  }

  /// A value, key or decay that is not a number shows in the output of its row and in the state.
  @Test(arguments: InstructionSet.available, RecurrenceRule.allCases)
  func keepsNotANumber(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    for chunk in [1, 4, 16] {
      let size = RecurrenceCase(
        rule: rule, rows: 20, keyWidth: 3, valueWidth: 2, chunk: chunk, hasUnitKeys: true)
      let call = recurrence(size, accuracy: .exact)
      for index in [1, 2, 3, 4, 5] where !call.inputs[index].isEmpty {
        var inputs = call.inputs
        let width = index == 5 ? 0 : inputs[index].count / size.rows
        inputs[index][9 * width] = .nan
        let results = call.results(in: instructionSet.context(), inputs: inputs)
        let (output, state) = (
          results[RecurrenceResult.output.rawValue], results[RecurrenceResult.nextState.rawValue]
        )
        #expect(output[18..<20].contains { $0.isNaN }, "input \(index) of \(size)")
        #expect(state.contains { $0.isNaN }, "input \(index) of \(size)")
      }
    }
  }

  // MARK: - Definition

  /// Keys and queries of width 1, so that states are numbers, and decays of 1/2.
  @Test(arguments: InstructionSet.available, [1, 2, 3])
  func followsTheDefinitionByHand(_ instructionSet: InstructionSet, chunk: Int) {
    func results(beta: [Float]?, decay: Float?) -> [Float] {
      computing(on: instructionSet) {
        let column = { (scalars: [Float]) in Tensor(shape: [3, 1], scalars: scalars) }
        let found = LinearRecurrence(
          queries: column([1, 2, 1]), keys: column([1, 2, 3]), values: column([5, 6, 7]),
          beta: beta.map(column), decay: decay.map { Tensor(shape: [3, 1], repeating: $0) },
          heads: 1, chunk: chunk
        )(
          after: Tensor(shape: [1, 1, 1, 1], repeating: 4), of: Segments(rows: 3),
          keepsStates: false)
        return found.output.scalars + found.nextState.scalars
      }
    }
    let half = Float(-0.693_147_18)
    let bounds = [Double](repeating: 1e-4, count: 4)
    // 4 + 1 · 5, + 2 · 6, + 3 · 7
    expectClose(
      results(beta: nil, decay: nil), [9, 42, 42, 42], within: bounds, "linear attention")
    // 2 + 5, 3.5 + 12, 7.75 + 21
    expectClose(
      results(beta: nil, decay: half), [7, 31, 28.75, 28.75], within: bounds, "with decay")
    // 4 + 1 · (5 - 4) = 5, 5 + 2 · (6 - 10) / 4 = 3, 3 + 3 · (7 - 9) / 2 = 0
    expectClose(
      results(beta: [1, 0.25, 0.5], decay: nil), [5, 6, 0, 0], within: bounds, "delta rule")
    // 2 + (5 - 2) = 5, 2.5 + 2 · (6 - 5) / 4 = 3, 1.5 + 3 · (7 - 4.5) / 2 = 5.25
    expectClose(
      results(beta: [1, 0.25, 0.5], decay: half), [5, 6, 5.25, 5.25], within: bounds,
      "gated delta rule")
  }

  /// Later rows do not change the outputs of earlier ones.
  @Test(arguments: InstructionSet.available, RecurrenceRule.allCases)
  func isCausal(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    let size = RecurrenceCase(
      rule: rule, rows: 40, keyWidth: 5, valueWidth: 3, chunk: 32, hasUnitKeys: true)
    let call = recurrence(size, accuracy: .exact)
    let output = RecurrenceResult.output.rawValue
    let expected = call.results(in: instructionSet.context())[output]
    for row in [1, 15, 16, 31, 39] {
      let inputs = call.inputs.enumerated().map { index, values in
        guard index < 5 else { return values }
        let first = values.count / size.rows * row
        return values[..<first] + values[first...].map { $0 / 2 }
      }
      let found = call.results(in: instructionSet.context(), inputs: inputs.map { Array($0) })
      #expect(found[output][..<(3 * row)] == expected[..<(3 * row)], "row \(row)")
    }
  }

  // MARK: - Steps

  /// A step is a segment of one row per chosen memory; other memories keep their states.
  @Test(arguments: InstructionSet.available, RecurrenceRule.allCases)
  func stepsEqualSegmentsOfOneRow(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    computing(on: instructionSet) {
      let (streams, heads, keyWidth, valueWidth) = (5, 2, 5, 9)
      let grouping = Grouping(
        Tensor.random([streams, 3], seed: 1).routed(to: 2), isShared: true)
      let rows = grouping.segments.rows
      let size = RecurrenceCase(
        rule: rule, rows: rows, heads: heads, keyWidth: keyWidth, valueWidth: valueWidth, chunk: 1,
        hasUnitKeys: true)
      let inputs = size.inputs(seed: 3)
      func recurrence(_ part: Range<Int>) -> LinearRecurrence {
        func rowsOf(_ index: Int) -> Tensor? {
          let width = inputs[index].count / rows
          guard width > 0 else { return nil }
          return Tensor(shape: [rows, width], scalars: inputs[index]).rows(part)
        }
        return LinearRecurrence(
          queries: rowsOf(0)!, keys: rowsOf(1)!, values: rowsOf(2)!, beta: rowsOf(3),
          decay: rowsOf(4), heads: heads)
      }
      let before = Tensor.random([streams, 4, heads, keyWidth, valueWidth], seed: 2)
      let states = Tensor(overwritable: before)
      let output = recurrence(0..<rows).step(states, of: StreamChoices(grouping))
      var (expected, bounds) = (before.scalars, before.scalars.map { _ in 0.0 })
      let count = heads * keyWidth * valueWidth
      for stream in 0..<streams {
        for (memory, row) in grouping.received(by: stream) {
          let at = (stream * 4 + memory) * count
          let alone = recurrence(row..<row + 1)(
            after: Tensor(
              shape: [1, heads, keyWidth, valueWidth],
              scalars: Array(before.scalars[at..<at + count])),
            of: Segments(rows: 1), keepsStates: false)
          expectClose(
            output.rows(row..<row + 1).scalars, alone.output.scalars,
            within: alone.output.scalars.map { _ in 1e-5 }, "output of row \(row)")
          expected.replaceSubrange(at..<at + count, with: alone.nextState.scalars)
          bounds.replaceSubrange(at..<at + count, with: repeatElement(1e-5, count: count))
        }
      }
      expectClose(states.scalars, expected, within: bounds, "states")
    }
  }

  // MARK: - Traps

  @Test func trapsOnShapesThatDoNotMatch() async {
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(
        queries: x, keys: Tensor(shape: [3, 2], repeating: 0), values: x, beta: nil, decay: nil,
        heads: 2)
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 3)
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 257], repeating: 0)
      _ = LinearRecurrence(queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 1)
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(queries: x, keys: x, values: x, beta: x, decay: nil, heads: 2)
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(
        queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 2, chunk: 65)
    }
  }

  /// Decays of rows of the state have no delta rule.
  @Test func trapsOnDecaysOfRowsWithBeta() async {
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(
        queries: x, keys: x, values: x, beta: Tensor(shape: [3, 2], repeating: 0), decay: x,
        heads: 2)
    }
  }

  @Test func trapsOnStatesOfOtherSegments() async {
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 2)(
        after: Tensor(shape: [2, 2, 2, 2], repeating: 0), of: Segments(rows: 3), keepsStates: false)
    }
    await #expect(processExitsWith: .failure) {
      let x = Tensor(shape: [3, 4], repeating: 0)
      _ = LinearRecurrence(queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 2)
        .step(Tensor(shape: [2, 1, 2, 2, 2], repeating: 0), of: StreamChoices(streams: 3))
    }
  }

  @Test func trapsOnAPullbackWithoutStates() async {
    await #expect(processExitsWith: .failure) {
      let (x, state) = (
        Tensor(shape: [3, 4], repeating: 0), Tensor(shape: [1, 2, 2, 2], repeating: 0)
      )
      let recurrence = LinearRecurrence(
        queries: x, keys: x, values: x, beta: nil, decay: nil, heads: 2)
      let results = recurrence(after: state, of: Segments(rows: 3), keepsStates: false)
      _ = recurrence.pullback(
        ofOutput: x, nextState: state, results: results, after: state, of: Segments(rows: 3))
    }
  }
}

/// One head of many rows, whose decays are at least 1%.
private struct LongRun {
  private let size: RecurrenceCase
  private let inputs: [Tensor]

  init(_ rule: RecurrenceRule, rows: Int) {
    size = RecurrenceCase(
      rule: rule, rows: rows, keyWidth: 4, valueWidth: 3, chunk: 32, hasUnitKeys: true)
    inputs = size.inputs(seed: 1).enumerated().map { index, values in
      Tensor(shape: [values.count], scalars: index == 4 ? values.map { min($0, -0.01) } : values)
    }
  }

  /// Rows of an input; nil without it.
  private func rows(_ part: Range<Int>, of index: Int) -> Tensor? {
    let width = inputs[index].count / size.rows
    return width > 0 ? inputs[index].reshaped([size.rows, width]).rows(part) : nil
  }

  /// The outputs of all parts, one after the other, and the last state.
  func results(
    _ parts: [Range<Int>], on instructionSet: InstructionSet
  ) -> (output: [Float], state: Tensor) {
    computing(on: instructionSet) {
      var state = inputs[5].reshaped([1, 1, size.keyWidth, size.valueWidth])
      var output: [Float] = []
      for part in parts {
        let found = LinearRecurrence(
          queries: rows(part, of: 0)!, keys: rows(part, of: 1)!, values: rows(part, of: 2)!,
          beta: rows(part, of: 3), decay: rows(part, of: 4), heads: 1, chunk: size.chunk
        )(after: state, of: Segments(rows: part.count), keepsStates: false)
        state = found.nextState
        output += found.output.scalars
      }
      return (output, state)
    }
  }
}
