import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNModel
@testable import LMNTraining

/// 945 training tokens, in four parts of 236 tokens: seven steps of 32 tokens and a remainder.
private let text = Array(smallText.prefix(1050))

/// Settings with carried state.
private func carrying(
  steps: Int = 17, horizon: Int = 4, change: (inout TrainingConfiguration) -> Void = { _ in }
) throws -> TrainingConfiguration {
  var configuration = try interruptible()
  configuration.steps = steps
  configuration.carry = Carry(horizon: horizon)
  (configuration.batchSize, configuration.blockLength) = (4, 32 / horizon)
  change(&configuration)
  return configuration
}

@Suite struct CarryTests {
  // MARK: - Data

  /// 90 tokens give three parts of 29 tokens: three steps of 8 tokens and a remainder of 5.
  @Test func rowsReadTheirPartsAgainAndAgain() throws {
    let corpus = try Corpus(text: Array(0..<100), tokenizer: .bytes, blockLength: 4)
    var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 256))
    (configuration.model.width, configuration.model.layers) = (4, 1)
    configuration.carry = Carry(horizon: 2)
    (configuration.blockLength, configuration.batchSize) = (4, 3)
    try corpus.expectParts(for: configuration)
    var generator = SeededGenerator(seed: 1)
    let network = try generator.drawing { try LanguageNetwork(configuration.model, using: &$0) }
    let before = generator
    let batch = corpus.batch(.valueAndGradient, at: network, for: configuration)
    let state = Trunk.State(position: 8, blocks: network.initialState.blocks)
    for (step, place) in [0, 8, 16, 5, 13, 21, 0, 8].enumerated() {
      batch.states = batch.inputs.map { _ in state }
      corpus.fill(batch, forStep: step, of: configuration, using: &generator)
      #expect(batch.states.allSatisfy { $0 == nil } == step.isMultiple(of: 3))
      for (row, window) in batch.inputs.enumerated() {
        let start = Token(29 * row + place)
        #expect(Array(window.inputs.elements) == Array(start..<start + 8))
        #expect(Array(window.targets.elements) == Array(start + 1..<start + 9))
      }
    }
    #expect(generator == before)
  }

  /// The first two losses are those of the initial network, and of the network after the first
  /// step, continuing from its final state.
  @Test(arguments: [1, 4])
  func stepsGoOnAfterThoseBefore(horizon: Int) throws {
    let configuration = try carrying(horizon: horizon)
    let tokens = try Corpus(text: text, tokenizer: smallTokenizer, blockLength: 1)[.training]
    let part = (tokens.count - 1) / 4
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, over: text, in: directory)
      let first = trainer.model.network
      var losses: [Double] = []
      func take(_ steps: Int) throws {
        let end = losses.count + steps
        _ = try trainer.run(shouldStop: { losses.count == end }) { event in
          if case .step(let loss) = event { losses.append(loss) }
        }
      }
      try take(1)
      let second = trainer.model.network
      #expect(second.stateDictionary != first.stateDictionary)
      try take(1)
      var expected = [0.0, 0.0]
      for row in 0..<4 {
        let tokens = tokens[(row * part)...]
        var state = first.initialState
        for (step, network) in [first, second].enumerated() {
          let rest = tokens.dropFirst(32 * step)
          var pass = network.trunk.pass(after: state.position, length: 32)
          let loss = network.loss(
            of: TokenBuffer(rest.prefix(32)), targets: TokenBuffer(rest.dropFirst().prefix(32)),
            after: &state, &pass)
          expected[step] += Double(loss.value.scalar)
        }
      }
      #expect(losses == expected.map { $0 / 4 })
    }
  }

  @Test func carriedStateMatters() throws {
    let carried = try remains(of: carrying(steps: 3, horizon: 1), over: text)
    let windows = try remains(
      of: carrying(steps: 3, horizon: 1) { $0.carry = nil }, over: text)
    #expect(carried.weights != windows.weights)
    #expect(carried.log.map(\.tokens) == windows.log.map(\.tokens))
    // Training reads the same number of tokens per step; only validation depends on the block
    // length.
    let reaching = try remains(of: carrying(steps: 3, horizon: 4), over: text)
    #expect(carried.weights == reaching.weights)
    #expect(carried.log.map(\.tokens) == reaching.log.map(\.tokens))
    #expect(carried.log.last?.validationLoss != reaching.log.last?.validationLoss)
  }

  /// Memory replay reads and learns the same, to rounding.
  @Test func replayLearnsTheSame() throws {
    func log(replay: Bool) throws -> [TrainingRecord] {
      try remains(
        of: carrying(steps: 5) {
          $0.carry?.replay = replay
          ($0.model.dropout, $0.logEvery) = (0.2, 1)
        }, over: text
      ).log
    }
    let (whole, replayed) = (try log(replay: false), try log(replay: true))
    #expect(replayed.map(\.tokens) == whole.map(\.tokens))
    for (found, expected) in zip(replayed, whole) {
      #expect(abs(try #require(found.loss) - #require(expected.loss)) < 1e-4)
      #expect(abs(try #require(found.gradientNorm) - #require(expected.gradientNorm)) < 1e-3)
    }
  }

  @Test func longTextsAreLearned() throws {
    let configuration = try carrying(steps: 120, horizon: 1) {
      ($0.batchSize, $0.blockLength, $0.evaluateEvery) = (3, 16, 120)
      $0.schedule = .constant(rate: 1e-2)
    }
    let log = try remains(of: configuration, over: text).log
    let (first, last) = (try #require(log.first?.loss), try #require(log.last?.loss))
    // The first loss is near log V = 3.7 nats.
    #expect(first > 3 && last < first - 0.6, "\(first) → \(last)")
  }

  // MARK: - Bits

  @Test func threadsChangeNoBits() throws {
    let configuration = try carrying(steps: 9) {
      $0.model.dropout = 0.3
      $0.model.logarithmic.pinned = 2
    }
    let one = try computing(threads: 1) { try remains(of: configuration, over: text) }
    for threads in 2...4 {
      #expect(try computing(threads: threads) { try remains(of: configuration, over: text) } == one)
    }
  }

  /// Interruptions within a part, at its end and after it, with all kinds of state.
  @Test(arguments: [
    NamedChange("published") { _ in },
    NamedChange("arity, window, pinned, dropout") {
      ($0.model.logarithmic.arity, $0.model.logarithmic.window) = (3, 5)
      $0.model.logarithmic.pinned = 3
      ($0.model.layers, $0.model.dropout) = (2, 0.2)
    },
    NamedChange("learned positions for two steps") {
      ($0.model.positions, $0.model.maximumLength) = (.learned, 70)
    },
    NamedChange("replay, recomputation, window with biases, pinned, dropout") {
      ($0.carry, $0.recompute) = (Carry(horizon: 2, replay: true), true)
      ($0.model.logarithmic.window, $0.model.logarithmic.pinned) = (5, 3)
      $0.model.logarithmic.windowBias = true
      ($0.model.layers, $0.model.dropout) = (2, 0.2)
    },
  ])
  fileprivate func runsGoOnExactly(_ named: NamedChange) throws {
    let configuration = try carrying(horizon: 2, change: named.change)
    let whole = try remains(of: configuration, over: text)
    for (stop, interruption) in [(0, Interruption.stop), (3, .stop), (7, .stop), (12, .kill)] {
      try withTemporaryDirectory { directory in
        var first = try trainer(configuration, over: text, in: directory)
        try first.run(steps: stop, then: interruption)
        var second = try Trainer(resuming: RunDirectory(directory), text: text)
        #expect(second.step == (interruption == .kill ? (stop - 1) / 4 * 4 : stop))
        #expect(try second.run())
        #expect(try remains(in: directory) == whole)
      }
    }
  }

  // MARK: - Files

  /// Saves a run after two steps and changes its checkpoint.
  private func expectRefusal(
    of forge: (_ before: Safetensors, _ after: inout Safetensors) throws -> Void,
    _ sentence: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryDirectory { directory in
      var configuration = try carrying(steps: 2)
      configuration.model.logarithmic.pinned = 2
      var first = try trainer(configuration, over: text, in: directory)
      _ = try first.run()
      let path = RunDirectory(directory).training
      let before = try Safetensors(contentsOf: path)
      #expect(try before.integers("streams.positions").values == .init(repeating: 64, count: 4))
      var after = Safetensors(metadata: before.metadata)
      try forge(before, &after)
      try after.write(to: path)
      let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
        try Trainer(resuming: RunDirectory(directory), text: text) { $0.steps = 4 }
      }
      #expect(
        "\(try #require(error))".hasSuffix(sentence), "\(error!)", sourceLocation: sourceLocation)
    }
  }

  @Test func forgedStatesAreRefused() throws {
    let problem = "its tensors 'streams.' are not the states of 4 rows"
    func copy(
      _ before: Safetensors, to after: inout Safetensors, where isKept: (String) -> Bool
    ) throws {
      for name in before.entries.map(\.name) where isKept(name) && name != "streams.positions" {
        let (shape, values) = try before.floats(name)
        after.append(name, shape: shape, floats: values)
      }
    }
    for positions in [
      [64, 64, 64], [64, 64, 63, 64], [64, 64, 64, -64], [64, 64, 64, .max],
    ] {
      try expectRefusal(
        of: { before, after in
          try copy(before, to: &after) { _ in true }
          after.append("streams.positions", shape: [positions.count], integers: positions)
        }, problem)
    }
    for missing in ["nodes", "pinned", "pinned_scores"].map({ "streams.3.blocks.0.\($0)" }) {
      try expectRefusal(
        of: { before, after in
          try copy(before, to: &after) { $0 != missing }
          after.append("streams.positions", shape: [4], integers: .init(repeating: 64, count: 4))
        }, "there is no tensor '\(missing)'")
    }
    try expectRefusal(
      of: { before, after in try copy(before, to: &after) { _ in true } },
      "there is no tensor 'streams.positions'")
  }

  /// One stream at its beginning, one at a later position.
  @Test func statesAreKept() throws {
    let network = try LanguageModel.small(smallTokenizer) { $0.logarithmic.pinned = 2 }.network
    var state = network.initialState
    _ = network(TokenBuffer(0..<13), after: &state)
    var file = Safetensors()
    file.append([state, network.initialState], prefix: "streams.")
    let found = try Safetensors(decoding: file.encoded()).states(
      of: network.trunk, prefix: "streams.")
    #expect(found == [state, network.initialState])
  }

  /// A checkpoint with states for a run without carried state is refused.
  @Test func otherRunsHaveNoStates() throws {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(carrying(steps: 2) { $0.carry = nil }, over: text, in: directory)
      _ = try trainer.run()
      let path = RunDirectory(directory).training
      var file = try Safetensors(contentsOf: path)
      #expect(!file.entries.contains { $0.name.hasPrefix("streams.") })
      #expect(!file.metadata["training"]!.contains("carry"))
      file.append("streams.positions", shape: [0], floats: [])
      try file.write(to: path)
      #expect(throws: CheckpointError.self) {
        try Trainer(resuming: RunDirectory(directory), text: text) { $0.steps = 4 }
      }
    }
  }

  @Test func settingsAreCoded() throws {
    var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 3))
    for carry in [nil, Carry(), Carry(horizon: 3), Carry(horizon: 2, replay: true)] {
      configuration.carry = carry
      let json = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
      let found = try JSONDecoder().decode(TrainingConfiguration.self, from: Data(json.utf8))
      #expect(found == configuration)
      // Configurations without carried state have no key for it.
      #expect(json.contains("\"carry\"") == (carry != nil))
      #expect(json.contains("\"horizon\":\(carry?.horizon ?? 0)") == (carry != nil))
    }
    // Version 0.1 called the horizon flow.
    let old = try JSONDecoder().decode(Carry.self, from: Data(#"{"flow":3}"#.utf8))
    #expect(old == Carry(horizon: 3))
  }

  /// Recomputation changes no bit of a run; configurations without it have no key for it.
  @Test func recomputationChangesNoBits() throws {
    var configuration = try carrying(steps: 4)
    let expected = try remains(of: configuration, over: text)
    let json = { String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self) }
    #expect(try !json().contains("recompute"))
    configuration.recompute = true
    let found = try remains(of: configuration, over: text)
    #expect(found.weights == expected.weights && found.log == expected.log)
    let decoded = try JSONDecoder().decode(
      TrainingConfiguration.self, from: Data(try json().utf8))
    #expect(decoded == configuration)
  }

  // MARK: - Errors

  @Test func textsThatAreTooShortAreRefused() throws {
    try withTemporaryDirectory { directory in
      let run = directory + "/run"
      let error = #expect(throws: CorpusError.self) {
        try trainer(carrying { $0.batchSize = 50 }, over: text, in: run)
      }
      #expect(
        error?.description
          == "the text is too short: its 945 training tokens, divided among a batch of 50, "
          + "give parts of 18 tokens, but a step reads 32 of each")
      #expect(names(in: directory).isEmpty)
    }
  }

  /// The last token of the last part needs a token after it.
  @Test func theShortestTextIsEnough() throws {
    var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 256))
    configuration.carry = Carry(horizon: 2)
    (configuration.blockLength, configuration.batchSize) = (4, 2)
    let corpus = { (count: UInt8) in
      try Corpus(
        text: Array(0..<2 * count), tokenizer: .bytes, blockLength: 4, trainingFraction: 0.5)
    }
    try corpus(17).expectParts(for: configuration)
    #expect(
      throws: CorpusError.shortParts(tokenCount: 16, rows: 2, part: 7, rowLength: 8)
    ) { try corpus(16).expectParts(for: configuration) }
  }

  @Test func stepsAfterTheLastLearnedPositionAreRefused() throws {
    let configuration = try carrying {
      ($0.model.positions, $0.model.maximumLength) = (.learned, 31)
    }
    let error = #expect(throws: TrainingError.self) { try configuration.validate() }
    #expect(
      error?.description
        == "block length times horizon is 32, it has to be at most 31, the number of learned positions"
    )
  }

  @Test func horizonsThatCannotBeAreRefused() throws {
    let error = #expect(throws: TrainingError.self) {
      try carrying { $0.carry = Carry(horizon: 0) }.validate()
    }
    #expect(error?.description == "horizon is 0, it has to be 1 to 16777216")
  }

  @Test func otherTasksCarryNothing() throws {
    try withTemporaryDirectory { directory in
      let error = #expect(throws: TrainingError.carriesNoState(.classify)) {
        _ = try classification(steps: 1, in: directory + "/run") { $0.carry = Carry() }
      }
      #expect(
        error?.description
          == "the tasks text and forecast support carried state, and the task is classify")
      for carry in [Carry(horizon: 2), Carry(replay: true)] {
        #expect(throws: TrainingError.carriesBlocks) {
          _ = try forecast(steps: 1, in: directory + "/run") { $0.carry = carry }
        }
      }
      #expect(
        throws: ForecastError.shortParts(rows: 360, windows: 20, part: 17, blockLength: 24)
      ) {
        _ = try forecast(steps: 1, in: directory + "/run") {
          ($0.carry, $0.batchSize) = (Carry(), 20)
        }
      }
      #expect(names(in: directory).isEmpty)
    }
  }
}

/// A named change of the settings, as a test argument.
private struct NamedChange: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let change: @Sendable (inout TrainingConfiguration) -> Void

  init(_ name: String, _ change: @escaping @Sendable (inout TrainingConfiguration) -> Void) {
    (testDescription, self.change) = (name, change)
  }
}
