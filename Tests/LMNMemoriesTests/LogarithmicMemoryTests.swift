import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

/// A memory to put through the checks.
struct LogarithmicMemoryCase: Sendable, CustomTestStringConvertible {
  let summarizer: Summarizer.Kind
  let width, heads, banks: Int
  let seed: UInt64

  static let all = Summarizer.Kind.allCases.flatMap { kind in
    [
      LogarithmicMemoryCase(summarizer: kind, width: 8, heads: 2, banks: 1, seed: 1),
      LogarithmicMemoryCase(summarizer: kind, width: 12, heads: 3, banks: 2, seed: 2),
      LogarithmicMemoryCase(summarizer: kind, width: 7, heads: 7, banks: 3, seed: 3),
      LogarithmicMemoryCase(summarizer: kind, width: 16, heads: 1, banks: 2, seed: 4),
    ]
  }

  /// Random parameters, biases too, of a size that keeps a node as large as its children.
  var memory: LogarithmicMemory {
    var generator = SeededGenerator(seed: seed)
    var memory = LogarithmicMemory(
      width: width, heads: heads, banks: banks, summarizer: summarizer, initialisation: .normal,
      using: &generator)
    var values = SeededValues(seed: seed)
    memory.visitParameters { name, parameter in
      let scale: Float = name.hasSuffix("taps") ? 0.7 : 1 / Float(2 * width).squareRoot()
      parameter = Variable(
        constant: .random(parameter.value.shape, using: &values).scaled(by: scale))
    }
    return memory
  }

  var testDescription: String { "\(summarizer) \(width)/\(heads)×\(banks), seed \(seed)" }

  /// A bound for outputs that differ by rounding, in units of the largest one: that of so many sums
  /// in a row, each rounded once by the reference and up to 2E + 1 times by other sets, where terms
  /// are up to twice as large as what they sum to.
  func tolerance(sums: Int, on instructionSet: InstructionSet) -> Double {
    2 * Rounding.error(sums * (instructionSet == .reference ? 1 : 2 * width + 1))
  }

  func checks(on instructionSet: InstructionSet) -> MemoryChecks<LogarithmicMemory> {
    // Nodes and projections have the same bits in both forms; attention and output remain.
    MemoryChecks(
      memory: memory, width: width, tolerance: tolerance(sums: 2, on: instructionSet), seed: seed)
  }
}

@Suite struct LogarithmicMemoryTests {
  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func stretchesAreReadSideBySide(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectReadingSideBySide() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func formsAgree(_ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectTheFormsToAgree() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func statesAreValues(_ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectStatesToBeValues() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func rowsAreIndependent(_ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectRowsToBeIndependent() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func outputsAreCausal(_ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectCausality() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func outputsAreFinite(_ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase) {
    computing(on: instructionSet) { example.checks(on: instructionSet).expectFiniteOutputs() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func resultsDoNotDependOnThreads(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    example.checks(on: instructionSet).expectTheSameOnAnyThreads(instructionSet)
  }

  @Test(arguments: LogarithmicMemoryCase.all)
  func gradientsAreSlopes(_ example: LogarithmicMemoryCase) {
    computing(on: .reference) { example.checks(on: .reference).expectGradientsToBeSlopes() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func outputsAreThoseOfTheDefinition(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    let length = 100
    let tokens = Tensor.random([length, example.width], seed: example.seed)
    let memory = example.memory
    var state = memory.initialState
    let found = computing(on: instructionSet) {
      memory(Variable(constant: tokens), after: &state).value
    }
    let expected = PlainLogarithmicMemory(memory)(tokens.doubles)
    // Six summaries, query, score, softmax, value, output.
    let tolerance = example.tolerance(sums: 11, on: instructionSet)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    expectClose(
      found.scalars, expected.map { Float($0) }, within: expected.map { _ in tolerance * largest },
      "outputs")
  }

  /// Every length, for each ends the tree in another way.
  @Test(arguments: Summarizer.Kind.allCases)
  func everyLengthFollowsTheDefinition(_ summarizer: Summarizer.Kind) {
    let example = LogarithmicMemoryCase(
      summarizer: summarizer, width: 4, heads: 2, banks: 2, seed: 5)
    let memory = example.memory
    let tokens = Tensor.random([70, 4], seed: 6)
    let expected = PlainLogarithmicMemory(memory)(tokens.doubles)
    let tolerance = example.tolerance(sums: 11, on: .reference)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    for length in 1...70 {
      var state = memory.initialState
      let found = computing(on: .reference) {
        memory(Variable(constant: tokens.rows(0..<length)), after: &state).value.scalars
      }
      expectClose(
        found, expected.prefix(length * 4).map { Float($0) },
        within: [Double](repeating: tolerance * largest, count: length * 4), "length \(length)")
    }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func readingLeavesTheStateThatStepsLeave(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    let memory = example.memory
    let tokens = Tensor.random([40, example.width], seed: example.seed)
    computing(on: instructionSet) {
      var stepped = [memory.initialState]
      for length in 1...40 {
        _ = memory.step(tokens.rows(length - 1..<length), after: &stepped)
        var read = memory.initialState
        _ = memory(Variable(constant: tokens.rows(0..<length)), after: &read)
        #expect(read == stepped[0], "length \(length)")
      }
    }
  }

  /// One node per level and bank, beside the newest token.
  @Test(arguments: [1, 2, 3])
  func statesGrowWithTheLogarithm(banks: Int) {
    let memory = LogarithmicMemoryCase(
      summarizer: .linear, width: 4, heads: 1, banks: banks, seed: 1
    ).memory
    var states = [memory.initialState]
    #expect(states[0].position == 0)
    #expect(states[0].nodes.shape == [0, 4])
    for position in 1...130 {
      _ = memory.step(.random([1, 4], seed: UInt64(position)), after: &states)
      let rows = 1 + banks * Int(log2OfWhole: position)
      #expect(states[0].position == position)
      #expect(states[0].nodes.shape == [rows, 4])
      #expect(states[0].slots.shape == [rows, 8])
    }
  }

  /// A step summarizes once per level that it finishes and bank: as often as its position has
  /// trailing zeros, at most log₂, on the average less than once.
  @Test(arguments: [1, 2, 3])
  func stepsSummarizeOnceOnTheAverage(banks: Int) {
    var summaries = 0
    for position in 1...1024 {
      let new = Tree(start: position - 1, length: 1, banks: banks).newRows.count - 1
      #expect(new == banks * position.trailingZeroBitCount)
      #expect(new <= banks * Int(log2OfWhole: position))
      summaries += new
      #expect(summaries < banks * position)
    }
    #expect(Tree(start: 1023, length: 1, banks: banks).newRows.count - 1 == banks * 10)
  }

  @Test func aStateCanBeMadeFromItsParts() throws {
    let memory = LogarithmicMemoryCase(
      summarizer: .linear, width: 4, heads: 1, banks: 2, seed: 1
    ).memory
    for length in [1, 2, 7, 8, 40] {
      var state = memory.initialState
      _ = memory(Variable(constant: .random([length, 4], seed: 1)), after: &state)
      let made = LogarithmicMemory.State(
        position: state.position, nodes: state.nodes, slots: state.slots, width: 4, banks: 2)
      #expect(made == state)
    }
  }

  /// Position, then the shapes of nodes and slots; a state of width 4 in 2 banks at position 8 has
  /// 7 rows.
  @Test(arguments: [
    (8, [6, 4], [6, 8]), (8, [7, 4], [6, 8]), (8, [6, 4], [7, 8]), (8, [7, 5], [7, 10]),
    (8, [7, 4], [7, 4]), (8, [28], [56]), (8, [], []), (7, [7, 4], [7, 8]), (0, [7, 4], [7, 8]),
    (-1, [0, 4], [0, 8]), (Int.max, [7, 4], [7, 8]), (Int.min, [7, 4], [7, 8]),
    (Int.max / 2 - 1, [7, 4], [7, 8]),
  ])
  func aStateOfOtherPartsIsNone(position: Int, nodes: [Int], slots: [Int]) {
    let state = LogarithmicMemory.State(
      position: position, nodes: Tensor(shape: nodes, repeating: 0),
      slots: Tensor(shape: slots, repeating: 0), width: 4, banks: 2)
    #expect(state == nil)
  }

  /// Nothing but the number of levels depends on how far a stream has come.
  @Test(arguments: [1 << 20, 1 << 40])
  func formsAgreeFarAlongTheStream(position: Int) throws {
    let example = LogarithmicMemoryCase.all[1]
    let memory = example.memory
    let start = position - 2
    let nodes = Tensor.random(
      [1 + example.banks * Int(log2OfWhole: start), example.width], seed: 1)
    computing(on: .reference) {
      let slots = memory.queryValue(Variable(constant: nodes)).value
      var read = LogarithmicMemory.State(
        position: start, nodes: nodes, slots: slots, width: example.width, banks: example.banks)!
      var stepped = [read]
      let tokens = Tensor.random([5, example.width], seed: 2)
      let expected = memory(Variable(constant: tokens), after: &read).value
      let largest = expected.scalars.reduce(0) { max($0, Double(abs($1))) }
      for t in 0..<5 {
        let found = memory.step(tokens.rows(t..<t + 1), after: &stepped)
        expectClose(
          found.scalars, expected.rows(t..<t + 1).scalars,
          within: found.scalars.map { _ in example.tolerance(sums: 2, on: .reference) * largest },
          "token \(t)")
      }
      #expect(read == stepped[0])
    }
  }

  @Test func listsItsParametersInTheOrderOfACheckpoint() {
    func names(_ summarizer: Summarizer.Kind) -> [String] {
      LogarithmicMemoryCase(summarizer: summarizer, width: 4, heads: 1, banks: 1, seed: 1)
        .memory.stateDictionary.names
    }
    let projections = [
      "query_value.weight", "query_value.bias", "key.weight", "key.bias", "out_proj.weight",
      "out_proj.bias",
    ]
    #expect(names(.linear) == ["summarizer.weight", "summarizer.bias"] + projections)
    #expect(
      names(.depthwiseSeparable)
        == ["summarizer.taps", "summarizer.pointwise", "summarizer.bias"] + projections)
  }

  @Test func trapsOnHeadsThatDoNotDivideTheWidth() async {
    await #expect(processExitsWith: .failure) {
      var generator = SeededGenerator(seed: 1)
      _ = LogarithmicMemory(
        width: 8, heads: 3, banks: 1, summarizer: .linear, initialisation: .normal,
        using: &generator)
    }
  }

  /// A batch of several tokens for one stream is not misread as one of several streams.
  @Test func trapsOnMoreTokensThanStreams() async {
    await #expect(processExitsWith: .failure) {
      var generator = SeededGenerator(seed: 1)
      let memory = LogarithmicMemory(
        width: 4, heads: 1, banks: 1, summarizer: .linear, initialisation: .normal,
        using: &generator)
      var states = [memory.initialState]
      _ = memory.step(Tensor(shape: [2, 4], repeating: 0), after: &states)
    }
  }
}

extension Int {
  /// ⌊log₂ `number`⌋ of a positive number.
  fileprivate init(log2OfWhole number: Int) {
    self = Int.bitWidth - 1 - number.leadingZeroBitCount
  }
}
