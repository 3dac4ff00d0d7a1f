import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct LanguageNetworkTests {
  @Test(arguments: InstructionSet.available, SummarizerKind.allCases)
  func formsAgree(_ instructionSet: InstructionSet, _ summarizer: SummarizerKind) throws {
    let network = try LanguageNetwork.small(summarizer)
    network.expectFormsAgree(on: instructionSet, lengths: [1, 2, 3, 7, 8, 9, 33, 64])
  }

  @Test(arguments: InstructionSet.available, SummarizerKind.allCases)
  func rowsAreIndependent(_ instructionSet: InstructionSet, _ summarizer: SummarizerKind) throws {
    let network = try LanguageNetwork.small(summarizer)
    computing(on: instructionSet) {
      let prefixes = [0, 3, 7, 20].map { tokens($0, seed: UInt64($0)) }
      var states = prefixes.map { prefix in
        var states = [network.initialState]
        for token in prefix { _ = network.step([token], after: &states) }
        return states[0]
      }
      var alone = states.map { [$0] }
      for step in 0..<9 {
        let batch = tokens(states.count, seed: UInt64(100 + step))
        let logits = network.step(batch, after: &states)
        #expect(logits.shape == [4, 11])
        for row in prefixes.indices {
          #expect(
            network.step([batch[row]], after: &alone[row]) == logits.rows(row..<row + 1),
            "row \(row), step \(step)")
          #expect(alone[row][0] == states[row])
        }
      }
    }
  }

  @Test func aChangeAfterATokenLeavesItsLogits() throws {
    let network = try LanguageNetwork.small()
    let input = tokens(33, seed: 1)
    let original = network(input).value
    for position in input.indices {
      var changed = input
      changed[position] = (changed[position] + 1) % 11
      let logits = network(changed).value
      #expect(logits.rows(0..<position) == original.rows(0..<position))
      for later in position..<33 {
        #expect(logits.rows(later..<later + 1) != original.rows(later..<later + 1))
      }
    }
  }

  @Test(arguments: InstructionSet.available, [2, 3])
  func nothingDependsOnThreads(_ instructionSet: InstructionSet, threads: Int) throws {
    let network = try LanguageNetwork.small()
    func results(threads: Int) -> (Float, StateDictionary, Tensor) {
      computing(on: instructionSet, threads: threads) {
        let (loss, gradient) = valueWithGradient(at: network, overBatchOf: 3) { network, item in
          network.loss(
            of: tokens(40, seed: UInt64(item)), targets: tokens(40, seed: UInt64(10 + item)))
        }
        var states = [network.initialState, network.initialState]
        return (loss, gradient, network.step([1, 2], after: &states))
      }
    }
    #expect(results(threads: threads) == results(threads: 1))
  }

  @Test(arguments: SummarizerKind.allCases)
  func gradientsAreSlopes(_ summarizer: SummarizerKind) throws {
    let network = try LanguageNetwork.small(summarizer)
    let (input, targets) = (tokens(13, seed: 1), TokenBuffer(tokens(13, seed: 2)))
    expectGradients(
      of: { parameters in
        var (network, rest) = (network, parameters[...])
        network.forEachParameter { $1 = rest.removeFirst() }
        return network(input).crossEntropy(targets: targets)
      }, at: network.stateDictionary.tensors)
  }

  @Test func theLossIsTheMeanCrossEntropy() throws {
    let network = try LanguageNetwork.small()
    let (input, targets) = (tokens(5, seed: 1), tokens(5, seed: 2))
    let losses = network(input).crossEntropy(targets: TokenBuffer(targets)).value.doubles
    #expect(
      network.loss(of: input, targets: targets).value.scalar == Float(losses.reduce(0, +) / 5))
  }

  @Test func theSeedDecides() throws {
    let network = try LanguageNetwork.small(seed: 1)
    #expect(try LanguageNetwork.small(seed: 1).stateDictionary == network.stateDictionary)
    #expect(try LanguageNetwork.small(seed: 2).stateDictionary != network.stateDictionary)
  }

  @Test func refusesAConfigurationThatCannotBe() {
    var source = ParameterSource(seed: 1)
    #expect(throws: ConfigurationError.outOfRange(key: "vocab", value: 0, range: 1...16_777_216)) {
      try LanguageNetwork(Configuration(vocabularySize: 0), using: &source)
    }
  }

  @Test func trapsAfterTheLastLearnedPosition() async throws {
    await #expect(processExitsWith: .failure) {
      let network = try LanguageNetwork.small(option: .learnedPositions(4))
      _ = network(tokens(5, seed: 1))
    }
    await #expect(processExitsWith: .failure) {
      var session = Session(try LanguageNetwork.small(option: .learnedPositions(4)))
      session.read(tokens(3, seed: 1))
      session.read(tokens(2, seed: 1))
    }
    await #expect(processExitsWith: .failure) {
      var session = Session(try LanguageNetwork.small(option: .learnedPositions(4)))
      for token in tokens(5, seed: 1) { _ = session.step(token) }
    }
    var session = Session(try LanguageNetwork.small(option: .learnedPositions(4)))
    for token in tokens(4, seed: 1) { _ = session.step(token) }
    #expect(session.position == 4)
  }

  @Test func optionsHavePublishedNames() throws {
    let network = try LanguageNetwork.small(
      option: NetworkOption("") {
        ($0.positions, $0.maximumLength, $0.tiedHead) = (.learned, 5, true)
      })
    let published = network.published(network.stateDictionary)
    #expect(
      published.names.prefix(2) == [
        "token_embedding_table.weight", "position_embedding_table.weight",
      ])
    #expect(published["position_embedding_table.weight"]?.shape == [5, 8])
    #expect(published["lm_head.bias"]?.shape == [11])
    #expect(published["lm_head.weight"] == nil)
  }

  @Test func aTiedHeadIsTheTable() throws {
    let network = try LanguageNetwork.small(
      option: NetworkOption("") { $0.tiedHead = true })
    var untied = try LanguageNetwork.small()
    var weights = network.stateDictionary
    weights = StateDictionary(
      Array(zip(weights.names, weights.tensors)).flatMap { name, tensor -> [(String, Tensor)] in
        name == "lm_head.bias"
          ? [("lm_head.weight", network.embedding.table.value), (name, tensor)] : [(name, tensor)]
      })
    try untied.load(weights)
    let input = tokens(9, seed: 1)
    #expect(network(input).value == untied(input).value)
  }

  /// Published names, for two blocks of width 8, 3 banks and an inner width of 16.
  @Test(arguments: SummarizerKind.allCases)
  func publishesTheReferenceNamesAndShapes(_ summarizer: SummarizerKind) throws {
    let network = try LanguageNetwork.small(summarizer)
    let published = network.published(network.stateDictionary)
    var expected: [String: [Int]] = [
      "token_embedding_table.weight": [11, 8],
      "ln_f.weight": [8], "ln_f.bias": [8],
      "lm_head.weight": [11, 8], "lm_head.bias": [11],
    ]
    for block in ["blocks.0.", "blocks.1."] {
      let parameters: [String: [Int]] = [
        "norm1.weight": [8], "norm2.weight": [8],
        "qkv.weight": [24, 8], "qkv.bias": [24],
        "out_proj.weight": [8, 8], "out_proj.bias": [8],
        "feedforward.0.weight": [16, 8], "feedforward.0.bias": [16],
        "feedforward.2.weight": [8, 16], "feedforward.2.bias": [8],
      ]
      let ofSummarizer: [String: [Int]] =
        switch summarizer {
        case .linear: ["weight": [3, 16, 8], "bias": [1, 3, 1, 8]]
        case .depthwiseSeparable:
          [
            "depthwise.weight": [3, 8, 2], "depthwise.bias": [3, 8],
            "pointwise.weight": [3, 8, 8], "pointwise.bias": [3, 8],
          ]
        case .convGrouped: ["conv.weight": [24, 8, 2], "conv.bias": [24]]
        case .convFull: ["conv.weight": [24, 24, 2], "conv.bias": [24]]
        }
      for (name, shape) in parameters { expected[block + name] = shape }
      for (name, shape) in ofSummarizer { expected[block + "summarizer." + name] = shape }
    }
    let shapes = zip(published.names, published.tensors.map(\.shape))
    #expect(Dictionary(uniqueKeysWithValues: shapes) == expected)
  }

  @Test(arguments: SummarizerKind.allCases)
  func loadsWhatItPublished(_ summarizer: SummarizerKind) throws {
    let network = try LanguageNetwork.small(summarizer, seed: 1)
    var other = try LanguageNetwork.small(summarizer, seed: 2)
    try other.load(published: network.published(network.stateDictionary))
    #expect(other.stateDictionary == network.stateDictionary)
    #expect(other(tokens(9, seed: 1)).value == network(tokens(9, seed: 1)).value)
  }

  @Test(arguments: SummarizerKind.allCases)
  func loadsPublishedParametersAllOrNothing(_ summarizer: SummarizerKind) throws {
    let published = try {
      let network = try LanguageNetwork.small(summarizer, seed: 2)
      return network.published(network.stateDictionary)
    }()
    var network = try LanguageNetwork.small(summarizer, seed: 1)
    let before = network.stateDictionary
    func expectError(
      _ error: StateDictionaryError, _ pairs: [(name: String, tensor: Tensor)],
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(throws: error, sourceLocation: sourceLocation) {
        try network.load(published: StateDictionary(pairs))
      }
      #expect(network.stateDictionary == before, sourceLocation: sourceLocation)
    }
    let pairs = zip(published.names, published.tensors).map { (name: $0, tensor: $1) }
    let one = Tensor(shape: [1], repeating: 0)
    for name in published.names {
      expectError(.init(missing: [name]), pairs.filter { $0.name != name })
      let tensor = try #require(published[name])
      expectError(
        .init(
          misshapen: [.init(name: name, expected: tensor.shape, found: [1] + tensor.shape)]),
        pairs.map { ($0.name, $0.name == name ? tensor.reshaped([1] + tensor.shape) : $0.tensor) })
    }
    expectError(.init(unexpected: ["blocks.2.qkv.bias"]), pairs + [("blocks.2.qkv.bias", one)])
    // Our own names differ from the published ones.
    expectError(
      .init(unexpected: ["blocks.0.key.bias"]), pairs + [("blocks.0.key.bias", one)])
  }
}
