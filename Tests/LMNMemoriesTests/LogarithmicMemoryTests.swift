import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@Suite struct LogarithmicMemoryTests {
  @Test(arguments: InstructionSet.available, LogarithmicMemoryCase.all)
  func chunksAreReadSideBySide(
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

  /// The choice of pinned tokens is not differentiable: here all tokens are pinned.
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

  /// All checks, for random combinations.
  @Test(arguments: LogarithmicMemoryCase.sampled)
  func combinationsKeepEverything(_ example: LogarithmicMemoryCase) {
    let instructionSet = ExecutionContext.current.instructionSet
    let checks = example.checks(on: instructionSet)
    checks.expectEqualForms(on: instructionSet, lengths: [1, 9, 40])
    computing(on: instructionSet) { checks.expectGradientsToFlowThroughStates() }
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
      var pass = Pass(length: length)
      return memory(Variable(constant: tokens), after: &state, &pass).value
    }
    let expected = PlainLogarithmicMemory(memory)(tokens.doubles)
    // Roundings of six summaries, each possibly with expansion, query, score, softmax, value and
    // output.
    let sums = example.shape.expansion > 0 ? 17 : 11
    let tolerance = example.tolerance(sums: sums, on: instructionSet)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    expectClose(
      found.scalars, expected.map { Float($0) }, within: expected.map { _ in tolerance * largest },
      "outputs of \(example)")
  }

  /// All lengths, because each ends the tree differently.
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
        var pass = Pass(length: length)
        return memory(Variable(constant: tokens.rows(0..<length)), after: &state, &pass)
          .value.scalars
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
      let streams = memory.makeStreams(1)
      for length in 1...40 {
        _ = streams.step(tokens.rows(length - 1..<length), at: [Int64(length - 1)])
        var read = memory.initialState
        var pass = Pass(length: length)
        _ = memory(Variable(constant: tokens.rows(0..<length)), after: &read, &pass)
        #expect(read == streams.state(at: 0, position: length), "length \(length)")
      }
    }
  }

  /// One node per level and bank, beside the newest token.
  @Test(arguments: [1, 2, 3])
  func statesGrowWithTheLogarithm(banks: Int) {
    let memory = LogarithmicMemoryCase(
      summarizer: .linear, width: 4, heads: 1, banks: banks, seed: 1
    ).memory
    let streams = memory.makeStreams(1)
    #expect(memory.initialState.shapes.map(\.shape) == [[0, 4]])
    for position in 1...130 {
      _ = streams.step(.random([1, 4], seed: UInt64(position)), at: [Int64(position - 1)])
      let rows = 1 + banks * Int(log2OfWhole: position)
      #expect(streams.state(at: 0, position: position).shapes.map(\.shape) == [[rows, 4]])
    }
  }

  /// A step computes one summary per bank and finished level: as many levels as its position has
  /// trailing zeros, at most log₂, fewer than one on average.
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

  /// `stateShapes` gives the shapes of actual states.
  @Test(arguments: LogarithmicMemoryCase.all)
  func statesHaveTheirShapes(_ example: LogarithmicMemoryCase) {
    let memory = example.memory
    for length in [1, 2, 7, 8, 40] {
      var state = memory.initialState
      var pass = Pass(length: length)
      _ = memory(
        Variable(constant: .random([length, example.width], seed: 1)), after: &state, &pass)
      let expected = memory.stateShapes(at: length)
      #expect(state.shapes.map(\.name) == expected.map(\.name))
      #expect(state.shapes.map(\.shape) == expected.map(\.shape))
    }
    #expect(memory.stateShapes(at: 0).map(\.shape) == memory.initialState.shapes.map(\.shape))
  }

  /// Chunks with equal layouts have the same nodes and outputs, bit for bit.
  ///
  /// A binary tree of latest nodes has few layouts; in other trees the waiting nodes depend on
  /// digits of the position.
  @Test(arguments: LogarithmicMemoryCase.all)
  func equalLayoutsComputeTheSame(_ example: LogarithmicMemoryCase) {
    let (memory, length) = (example.memory, 16)
    var first: [[Int]: (start: Int, outputs: Tensor, state: MemoryState)] = [:]
    var shared = 0
    // Neighbouring chunks, and chunks at every remainder of the units of attention.
    let starts =
      Array(stride(from: 0, through: 24 * 16, by: 16)) + Array(stride(from: 1, to: 400, by: 3))
    for start in starts {
      let shapes = memory.stateShapes(at: start)
      var state = memory.initialState
      for (index, shape) in shapes.enumerated() {
        state[shape.name] = Variable(constant: .random(shape.shape, seed: UInt64(index)))
      }
      var pass = Pass(start: start, length: length)
      let tokens = Variable(constant: .random([length, example.width], seed: 9))
      let outputs = memory(tokens, after: &state, &pass).value
      let layout = memory.layout(start: start, length: length)
      if let other = first[layout] {
        shared += 1
        #expect(other.outputs == outputs && other.state == state, "\(other.start), \(start)")
      } else {
        first[layout] = (start, outputs, state)
      }
    }
    if example.shape.arity == 2 && example.shape.visibility == .latest { #expect(shared > 4) }
  }

  /// Only the number of levels depends on the position.
  @Test(arguments: [1 << 20, 1 << 40])
  func formsAgreeFarAlongTheStream(position: Int) throws {
    let example = LogarithmicMemoryCase.all[1]
    let memory = example.memory
    let start = position - 2
    let nodes = Tensor.random(
      [1 + example.shape.banks * Int(log2OfWhole: start), example.width], seed: 1)
    computing(on: .reference) {
      var read = memory.initialState
      read["nodes"] = Variable(constant: nodes)
      let streams = memory.makeStreams(1)
      streams.load(read, at: 0, position: start)
      let tokens = Tensor.random([5, example.width], seed: 2)
      var pass = Pass(start: start, length: 5)
      let expected = memory(Variable(constant: tokens), after: &read, &pass).value
      let largest = expected.scalars.reduce(0) { max($0, Double(abs($1))) }
      for t in 0..<5 {
        let found = streams.step(tokens.rows(t..<t + 1), at: [Int64(start + t)])
        expectClose(
          found.scalars, expected.rows(t..<t + 1).scalars,
          within: found.scalars.map { _ in example.tolerance(sums: 2, on: .reference) * largest },
          "token \(t)")
      }
      #expect(read == streams.state(at: 0, position: start + 5))
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
      var source = ParameterSource(seed: 1)
      var settings = LogarithmicMemory.Settings()
      settings.heads = 3
      _ = LogarithmicMemory(width: 8, settings, using: &source)
    }
  }

  /// Several tokens for one stream are refused, not read as one token of several streams.
  @Test func trapsOnMoreTokensThanStreams() async {
    await #expect(processExitsWith: .failure) {
      var source = ParameterSource(seed: 1)
      let memory = LogarithmicMemory(width: 4, .init(), using: &source)
      _ = memory.makeStreams(1).step(Tensor(shape: [2, 4], repeating: 0), at: [0])
    }
  }
}

extension Int {
  /// ⌊log₂ `number`⌋ of a positive number.
  fileprivate init(log2OfWhole number: Int) {
    self = Int.bitWidth - 1 - number.leadingZeroBitCount
  }
}
