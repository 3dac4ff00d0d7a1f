import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

/// An option of a configuration, with another value than the default.
struct NetworkOption: Sendable, CustomTestStringConvertible {
  /// The keys that it adds to the JSON.
  let testDescription: String
  let apply: @Sendable (inout Configuration) -> Void

  init(_ keys: String, _ apply: @escaping @Sendable (inout Configuration) -> Void) {
    testDescription = keys
    self.apply = apply
  }

  static func learnedPositions(_ count: Int) -> NetworkOption {
    NetworkOption("\"maximumLength\":\(count),\"positions\":\"learned\"") {
      ($0.positions, $0.maximumLength) = (.learned, count)
    }
  }

  /// A memory that differs from the published one in arity, window and pinned tokens.
  static let otherMemory = NetworkOption("\"arity\":4,\"pinned\":2,\"window\":3") {
    ($0.logarithmic.arity, $0.logarithmic.pinned, $0.logarithmic.window) = (4, 2, 3)
  }

  /// A mixture of linear-attention memories before a single one.
  static let mixture = NetworkOption("\"memories\":…") {
    var mixture = MixtureOfMemories.Settings()
    (mixture.linear.heads, mixture.linear.keyWidth, mixture.linear.valueWidth) = (2, 3, 5)
    let other = LinearMemory.Settings()
    $0.memories = (0..<$0.layers).map {
      MemoryConfiguration($0.isMultiple(of: 2) ? mixture : other)
    }
  }

  /// Logarithmic memories and attention with rotary positions in turn.
  static func attention(window: Int? = nil) -> NetworkOption {
    NetworkOption("attention, window \(window.map(String.init) ?? "none")") {
      var attention = CausalAttention.Settings()
      (attention.heads, attention.window, attention.rotary) = (2, window, true)
      $0.memories = (0..<$0.layers).map { block in
        block.isMultiple(of: 2)
          ? MemoryConfiguration(attention) : MemoryConfiguration(LogarithmicMemory.Settings())
      }
      $0.trunk[each: \LogarithmicMemory.Settings.heads] = 2
    }
  }

  /// Slots that are rewritten every five tokens, and logarithmic memories, in turn.
  static let slots = NetworkOption("slots") {
    var slots = SlotMemory.Settings()
    (slots.heads, slots.slots, slots.segment) = (2, 3, 5)
    $0.memories = (0..<$0.layers).map { block in
      block.isMultiple(of: 2)
        ? MemoryConfiguration(slots) : MemoryConfiguration(LogarithmicMemory.Settings())
    }
    $0.trunk[each: \LogarithmicMemory.Settings.heads] = 2
  }

  static let all = [
    NetworkOption("\"activation\":\"gelu\"") { $0.activation = .gelu },
    NetworkOption("\"activation\":\"relu\"") { $0.activation = .relu },
    NetworkOption("\"positions\":\"sinusoidal\"") {
      ($0.positions, $0.maximumLength) = (.sinusoidal, nil)
    },
    learnedPositions(1600),
    NetworkOption("\"tiedHead\":true") { $0.tiedHead = true },
    NetworkOption("\"norm\":\"layer\"") { $0.norm = .layer },
    NetworkOption("\"distinctLayers\":1") { $0.distinctLayers = 1 },
    otherMemory,
  ]
}

/// All forms of a network compute the same function, for all options.
@Suite struct NetworkOptionTests {
  @Test(arguments: NetworkOption.all)
  func isWrittenAndReadAsJSON(_ option: NetworkOption) throws {
    let usual = Configuration(vocabularySize: 11)
    var configuration = usual
    option.apply(&configuration)
    #expect(configuration != usual)
    #expect(try Configuration(json: configuration.json) == configuration)
    let keys = { (json: String) in Set(json.dropFirst().dropLast().split(separator: ",")) }
    #expect(
      keys(configuration.json).subtracting(keys(usual.json))
        == keys("{\(option.testDescription)}"))
    #expect(keys(usual.json).isSubset(of: keys(configuration.json)))
  }

  @Test(arguments: NetworkOption.all)
  func matters(_ option: NetworkOption) throws {
    let (usual, network) = (
      try LanguageNetwork.small(), try LanguageNetwork.small(option: option)
    )
    #expect(network(tokens(9, seed: 1)).value != usual(tokens(9, seed: 1)).value)
  }

  @Test(arguments: NetworkOption.all)
  func parametersAreCountedAndPublished(_ option: NetworkOption) throws {
    let network = try LanguageNetwork.small(option: option)
    let count = try ParameterSource.count {
      try LanguageNetwork(network.configuration, using: &$0)
    }
    #expect(count == network.parameterCount)
    var other = try LanguageNetwork.small(option: option, seed: 2)
    try other.load(published: network.published(network.stateDictionary))
    #expect(other.stateDictionary == network.stateDictionary)
  }

  @Test(arguments: InstructionSet.available, NetworkOption.all)
  func formsAgree(_ instructionSet: InstructionSet, _ option: NetworkOption) throws {
    let network = try LanguageNetwork.small(option: option)
    network.expectFormsAgree(on: instructionSet, lengths: [1, 8, 33])
  }

  /// Pairs of options, with all summarizers and several depths.
  @Test(
    arguments: combinations(
      12, of: SummarizerKind.allCases, NetworkOption.all, NetworkOption.all, [1, 2, 3]))
  func formsOfCombinationsAgree(
    _ summarizer: SummarizerKind, _ one: NetworkOption, _ other: NetworkOption, layers: Int
  ) throws {
    let both = NetworkOption("\(one.testDescription),\(other.testDescription)") {
      one.apply(&$0)
      other.apply(&$0)
    }
    let network = try LanguageNetwork.small(summarizer, layers: layers, option: both)
    for instructionSet in InstructionSet.available {
      network.expectFormsAgree(on: instructionSet, lengths: [1, 8, 33])
    }
  }

  /// Chunks are computed in parallel, from the beginning and from a later position.
  @Test(arguments: NetworkOption.all)
  func readsLongTexts(_ option: NetworkOption) throws {
    let network = try LanguageNetwork.small(layers: 1, option: option)
    let input = tokens(1600, seed: 5)
    func read(threads: Int) -> [Float] {
      computing(threads: threads) {
        var (session, found) = (Session(network), [Float]())
        session.read(TokenBuffer(input.prefix(5))) { found += $0.scalars }
        session.read(TokenBuffer(input.dropFirst(5))) { found += $0.scalars }
        return found
      }
    }
    let found = read(threads: 1)
    let tolerance = network.tolerance(on: ExecutionContext.current.instructionSet)
    expectNear(found, network(input).value.scalars, tolerance: tolerance, "1600 tokens")
    for threads in 2...3 { #expect(read(threads: threads) == found) }
  }

  /// Streams of a recorded batch are at different positions; each row has the bits that its stream
  /// has alone.
  @Test(arguments: InstructionSet.available, NetworkOption.all)
  func streamsAreIndependent(_ instructionSet: InstructionSet, _ option: NetworkOption) throws {
    let network = try LanguageNetwork.small(option: option)
    let inputs = (0..<3).map { tokens(9, seed: 100 + $0) }
    computing(on: instructionSet) {
      let states = [0, 7, 62].map { position in
        var session = Session(network)
        session.read(tokens(position, seed: UInt64(position)))
        return session.state
      }
      let alone = zip(states, inputs).map { state, input in
        var states = [state]
        return input.map { network.step([$0], after: &states).scalars }
      }
      for threads in 1...2 {
        computing(on: instructionSet, threads: threads) {
          var batch = SessionBatch(network, states: states)
          for step in 0..<9 {
            let logits = batch.step(inputs.map { $0[step] })
            for row in 0..<3 {
              #expect(
                logits.rows(row..<row + 1).scalars == alone[row][step],
                "stream \(row), step \(step), \(threads) threads")
            }
          }
        }
      }
    }
  }

  /// Recorded computations have the bits of called ones, for parameters loaded later, on any number
  /// of threads.
  @Test(arguments: InstructionSet.available, NetworkOption.all)
  func recordedGradientsAreTheCalledOnes(
    _ instructionSet: InstructionSet, _ option: NetworkOption
  ) throws {
    let network = try LanguageNetwork.small(option: option, seed: 2)
    let (inputs, targets) = (tokens(42, seed: 1), tokens(42, seed: 2))
    let items = (0..<3).map { 14 * $0..<14 * ($0 + 1) }
    let expected = computing(on: instructionSet) {
      valueWithGradient(at: network, overBatchOf: 3) { network, item in
        network.loss(of: Array(inputs[items[item]]), targets: Array(targets[items[item]]))
      }
    }
    for threads in 1...3 {
      let batch = RecordedBatch(
        ofLossAt: try .small(option: option, seed: 1), windows: 3, length: 14,
        in: ExecutionContext(instructionSet: instructionSet, threadCount: threads))
      batch.load(network)
      for (window, range) in zip(batch.inputs, items) {
        window.overwrite(inputs: inputs[range], targets: targets[range])
      }
      #expect(Float(batch.run()) == expected.value)
      #expect(batch.gradient == expected.gradient)
    }
  }

  /// Without the rectifier, whose slope may jump within a difference; golden files contain its
  /// gradients.
  @Test(arguments: NetworkOption.all.filter { !$0.testDescription.contains("relu") })
  func gradientsAreSlopes(_ option: NetworkOption) throws {
    let network = try LanguageNetwork.small(option: option)
    let (input, targets) = (tokens(13, seed: 1), TokenBuffer(tokens(13, seed: 2)))
    expectGradients(
      of: { parameters in
        var (network, rest) = (network, parameters[...])
        network.forEachParameter { $1 = rest.removeFirst() }
        return network(input).crossEntropy(targets: targets)
      }, at: network.stateDictionary.tensors)
  }
}
