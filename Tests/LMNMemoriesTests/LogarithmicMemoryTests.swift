import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

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
    expectGradientsToBeSlopes(of: example)
  }

  /// Which tokens are pinned has no slope: here all are.
  private func expectGradientsToBeSlopes(of example: LogarithmicMemoryCase) {
    var example = example
    if example.pins > 0 { example.pins = 20 }
    computing(on: .reference) { example.checks(on: .reference).expectGradientsToBeSlopes() }
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func gradientsFlowThroughStates(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    computing(on: instructionSet) {
      example.checks(on: instructionSet).expectGradientsToFlowThroughStates()
    }
  }

  /// Everything that has to hold, for combinations drawn at random.
  @Test(arguments: LogarithmicMemoryCase.sampled)
  func combinationsKeepEverything(_ example: LogarithmicMemoryCase) {
    let instructionSet = ExecutionContext.current.instructionSet
    computing(on: instructionSet) {
      let checks = example.checks(on: instructionSet)
      checks.expectTheFormsToAgree(lengths: [1, 9, 40])
      checks.expectReadingSideBySide()
      checks.expectStatesToBeValues()
      checks.expectRowsToBeIndependent()
      checks.expectCausality()
      checks.expectFiniteOutputs()
      checks.expectGradientsToFlowThroughStates()
    }
    example.checks(on: instructionSet).expectTheSameOnAnyThreads(instructionSet)
    expectGradientsToBeSlopes(of: example)
    expectOutputsOfTheDefinition(example, on: .reference)
    expectOutputsOfTheDefinition(example, on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func outputsAreThoseOfTheDefinition(
    _ instructionSet: InstructionSet, _ example: LogarithmicMemoryCase
  ) {
    expectOutputsOfTheDefinition(example, on: instructionSet)
  }

  private func expectOutputsOfTheDefinition(
    _ example: LogarithmicMemoryCase, on instructionSet: InstructionSet
  ) {
    let length = 100
    let tokens = Tensor.random([length, example.width], seed: example.seed)
    let memory = example.memory
    var state = memory.initialState
    let found = computing(on: instructionSet) {
      memory(Variable(constant: tokens), after: &state).value
    }
    let expected = PlainLogarithmicMemory(memory)(tokens.doubles)
    // Six summaries, each perhaps after an expansion, query, score, softmax, value, output.
    let sums = example.shape.expansion > 0 ? 17 : 11
    let tolerance = example.tolerance(sums: sums, on: instructionSet)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    expectClose(
      found.scalars, expected.map { Float($0) }, within: expected.map { _ in tolerance * largest },
      "outputs of \(example)")
  }

  /// Every length, for each ends the tree in another way.
  @Test(
    arguments: SummarizerKind.allCases.map {
      LogarithmicMemoryCase(summarizer: $0, width: 4, heads: 2, banks: 2, seed: 5)
    } + LogarithmicMemoryCase.family)
  func everyLengthFollowsTheDefinition(_ example: LogarithmicMemoryCase) {
    let memory = example.memory
    let tokens = Tensor.random([70, example.width], seed: 6)
    let expected = PlainLogarithmicMemory(memory)(tokens.doubles)
    let tolerance = example.tolerance(sums: 17, on: .reference)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    for length in 1...70 {
      var state = memory.initialState
      let found = computing(on: .reference) {
        memory(Variable(constant: tokens.rows(0..<length)), after: &state).value.scalars
      }
      expectClose(
        found, expected.prefix(length * example.width).map { Float($0) },
        within: [Double](repeating: tolerance * largest, count: length * example.width),
        "length \(length)")
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
    #expect(states[0].nodes.value.shape == [0, 4])
    for position in 1...130 {
      _ = memory.step(.random([1, 4], seed: UInt64(position)), after: &states)
      let rows = 1 + banks * Int(log2OfWhole: position)
      #expect(states[0].position == position)
      #expect(states[0].nodes.value.shape == [rows, 4])
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
      let made = memory.state(
        position: state.position, nodes: state.nodes.value, pinned: state.pinned.value,
        pinnedScores: state.pinnedScores)
      #expect(made == state)
    }
  }

  /// Position, then the shapes of nodes, pinned tokens and their scores; a state of width 4 in 2
  /// banks at position 8 has 7 rows.
  @Test(arguments: [
    (8, [6, 4], [3, 4], [3, 1]), (8, [7, 5], [3, 4], [3, 1]), (8, [28], [3, 4], [3, 1]),
    (8, [], [3, 4], [3, 1]), (7, [7, 4], [3, 4], [3, 1]), (0, [7, 4], [3, 4], [3, 1]),
    (-1, [0, 4], [3, 4], [3, 1]), (Int.max, [7, 4], [3, 4], [3, 1]),
    (Int.min, [7, 4], [3, 4], [3, 1]), (1 << 47, [95, 4], [3, 4], [3, 1]),
    (8, [7, 4], [2, 4], [3, 1]), (8, [7, 4], [3, 4], [2, 1]), (8, [7, 4], [3, 4], [3]),
  ])
  func aStateOfOtherPartsIsNone(position: Int, nodes: [Int], pinned: [Int], scores: [Int]) {
    var example = LogarithmicMemoryCase(summarizer: .linear, width: 4, heads: 1, banks: 2, seed: 1)
    example.pins = 3
    func zeros(_ shape: [Int]) -> Tensor { Tensor(shape: shape, repeating: 0) }
    let memory = example.memory
    #expect(
      memory.state(
        position: 8, nodes: zeros([7, 4]), pinned: zeros([3, 4]), pinnedScores: zeros([3, 1]))
        != nil)
    #expect(
      memory.state(
        position: position, nodes: zeros(nodes), pinned: zeros(pinned),
        pinnedScores: zeros(scores)) == nil)
  }

  /// Nothing but the number of levels depends on how far a stream has come.
  @Test(arguments: [1 << 20, 1 << 40])
  func formsAgreeFarAlongTheStream(position: Int) throws {
    let example = LogarithmicMemoryCase.all[1]
    let memory = example.memory
    let start = position - 2
    let nodes = Tensor.random(
      [1 + example.shape.banks * Int(log2OfWhole: start), example.width], seed: 1)
    computing(on: .reference) {
      let none = memory.initialState
      var read = memory.state(
        position: start, nodes: nodes, pinned: none.pinned.value,
        pinnedScores: none.pinnedScores)!
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
    func names(_ summarizer: SummarizerKind) -> [String] {
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
        width: 8, heads: 3, summarizer: .linear, shape: TreeShape(banks: 1),
        initialisation: .normal, using: &generator)
    }
  }

  /// A batch of several tokens for one stream is not misread as one of several streams.
  @Test func trapsOnMoreTokensThanStreams() async {
    await #expect(processExitsWith: .failure) {
      var generator = SeededGenerator(seed: 1)
      let memory = LogarithmicMemory(
        width: 4, heads: 1, summarizer: .linear, shape: TreeShape(banks: 1),
        initialisation: .normal, using: &generator)
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
