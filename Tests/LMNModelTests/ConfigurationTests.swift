import LMNLayers
import LMNMemories
import LMNModel
import Testing

@Suite struct ConfigurationTests {
  private static let small = """
    {"banks":2,"feedForward":3,"heads":2,"layers":1,"summarizer":"linear","vocab":11,"width":8}
    """

  @Test func isTheNetworkOfTable1ByDefault() throws {
    let configuration = Configuration(vocabularySize: 65)
    try configuration.validate()
    #expect(try languageParameters(of: configuration) == 71_489)
    #expect(
      configuration.json == """
        {"banks":2,"feedForward":4,"heads":4,"layers":4,"summarizer":"linear","vocab":65,"width":32}
        """)
  }

  @Test func readsItsOwnJSON() throws {
    var configuration = Configuration(vocabularySize: 11)
    (configuration.width, configuration.logarithmic.heads, configuration.layers) = (8, 2, 1)
    (configuration.logarithmic.banks, configuration.feedForward) = (2, 3)
    #expect(configuration.json == Self.small)
    #expect(try Configuration(json: Self.small) == configuration)
    configuration.logarithmic.summarizer = .depthwiseSeparable
    configuration.dropout = 0.1
    #expect(configuration.json.contains("\"dropout\":0.1,"))
    #expect(try Configuration(json: configuration.json) == configuration)
  }

  @Test func readsKeysInAnyOrderAndSpace() throws {
    let json = """
      { "width": 8, "vocab": 11, "summarizer": "linear",
        "layers": 1, "heads": 2, "feedForward": 3, "banks": 2 }
      """
    #expect(try Configuration(json: json) == Configuration(json: Self.small))
  }

  /// Part of a valid configuration, its replacement, and the error.
  @Test(arguments: [
    ("\"width\":8", "\"width\":0", "width is 0, it has to be from 1 to 16777216"),
    ("\"vocab\":11", "\"vocab\":-1", "vocab is -1, it has to be from 1 to 16777216"),
    ("\"layers\":1", "\"layers\":0", "layers is 0, it has to be from 1 to 4096"),
    ("\"banks\":2", "\"banks\":0", "banks is 0, it has to be from 1 to 16777216"),
    ("\"feedForward\":3", "\"feedForward\":0", "feedForward is 0, it has to be from 1 to 8"),
    ("\"feedForward\":3", "\"feedForward\":9", "feedForward is 9, it has to be from 1 to 8"),
    ("\"heads\":2", "\"heads\":0", "heads is 0, it has to be from 1 to 256"),
    ("\"heads\":2", "\"heads\":3", "3 heads do not divide a width of 8"),
    ("\"heads\":2", "\"heads\":16", "16 heads do not divide a width of 8"),
    (
      "\"banks\":2", "\"banks\":2,\"experts\":1,\"colour\":\"red\"",
      "unknown keys in the configuration: colour, experts"
    ),
    (
      "\"banks\":2", "\"banks\":2,\"positions\":\"learned\"",
      "learned positions need a maximumLength"
    ),
    (
      "\"banks\":2", "\"banks\":2,\"positions\":\"learned\",\"maximumLength\":0",
      "maximumLength is 0, it has to be from 1 to 16777216"
    ),
    (
      "\"banks\":2", "\"banks\":2,\"maximumLength\":9",
      "maximumLength is 9, but only learned positions have one, and they are none"
    ),
    (
      "\"banks\":2", "\"banks\":2,\"positions\":\"sinusoidal\",\"maximumLength\":9",
      "maximumLength is 9, but only learned positions have one, and they are sinusoidal"
    ),
    ("\"banks\":2", "\"banks\":2,\"dropout\":1", "dropout is 1.0, it has to be from 0 to below 1"),
    (
      "\"banks\":2", "\"banks\":2,\"dropout\":-0.5",
      "dropout is -0.5, it has to be from 0 to below 1"
    ),
    ("\"banks\":2,", "", "the configuration cannot be read: it has no banks"),
  ])
  func refuses(_ part: String, _ replacement: String, _ sentence: String) {
    expectError(Self.small.replacing(part, with: replacement), sentence)
  }

  @Test func refusesMoreHeadsThanTheKernelsHave() {
    var configuration = Configuration(vocabularySize: 2)
    (configuration.width, configuration.logarithmic.heads) = (512, 512)
    #expect(throws: ConfigurationError.outOfRange(key: "heads", value: 512, range: 1...256)) {
      try configuration.validate()
    }
  }

  @Test func refusesMoreParametersThanCanBeCounted() {
    var configuration = Configuration(vocabularySize: 2)
    configuration.width = Configuration.largestSize
    configuration.logarithmic.banks = Configuration.largestSize
    #expect(throws: ConfigurationError.tooLarge) { try configuration.validate() }
    #expect(throws: ConfigurationError.tooLarge) { try Configuration(json: configuration.json) }
  }

  /// A value of the wrong type, and its key, which the error has to name.
  @Test(arguments: [
    ("\"width\":8", "\"width\":\"8\"", "width"),
    ("\"width\":8", "\"width\":null", "width"),
    ("\"width\":8", "\"width\":[8]", "width"),
    ("\"width\":8", "\"width\":true", "width"),
    ("\"linear\"", "\"lstm\"", "summarizer"),
    ("\"linear\"", "1", "summarizer"),
    ("\"linear\"", "\"linear\",\"activation\":\"tanh\"", "activation"),
    ("\"linear\"", "\"linear\",\"activation\":null", "activation"),
    ("\"linear\"", "\"linear\",\"tiedHead\":1", "tiedHead"),
  ])
  func refusesOtherTypes(_ part: String, _ replacement: String, _ key: String) {
    expectError(
      Self.small.replacing(part, with: replacement), "the configuration cannot be read: \(key): ")
  }

  /// Foundation reports these as malformed JSON, without a key.
  @Test(arguments: ["8.5", "1e30", "9223372036854775808", "-9223372036854775809"])
  func refusesNumbersThatAreNoIntegers(_ number: String) {
    expectError(
      Self.small.replacing("\"width\":8", with: "\"width\":\(number)"),
      "the configuration cannot be read: ")
  }

  @Test(arguments: ["", " ", "{", "[]", "1", "\"width\"", "null", "{\"width\":8,}", "\0"])
  func refusesWhatIsNoJSONObject(_ json: String) {
    expectError(json, "the configuration cannot be read: ")
  }

  /// Expects an error whose sentence begins with `beginning`.
  private func expectError(
    _ json: String, _ beginning: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
      try Configuration(json: json)
    }
    let sentence = error?.description ?? ""
    #expect(sentence.hasPrefix(beginning), sourceLocation: sourceLocation)
    #expect(!sentence.contains("(codingPath"), sourceLocation: sourceLocation)
    #expect(!sentence.contains(": :"), sourceLocation: sourceLocation)
  }

  @Test(arguments: SummarizerKind.allCases, [1, 2, 3])
  func countsTheParametersOfItsNetwork(_ summarizer: SummarizerKind, _ number: Int) throws {
    for width in [1, 4, 6] {
      var configuration = Configuration(vocabularySize: 3 + number)
      configuration.width = width
      configuration.logarithmic.heads = width > 1 ? 2 : 1
      configuration.layers = number
      configuration.logarithmic.banks = 4 - number
      configuration.feedForward = 1 + number
      configuration.logarithmic.summarizer = summarizer
      var source = ParameterSource(seed: 1)
      let network = try LanguageNetwork(configuration, using: &source)
      #expect(source.count == network.parameterCount)
      #expect(try languageParameters(of: configuration) == network.parameterCount)
    }
  }

  @Test(arguments: SummarizerKind.allCases, [2, 3, 8])
  func countsTheParametersOfTheFamily(_ summarizer: SummarizerKind, arity: Int) throws {
    var configuration = Configuration(vocabularySize: 5)
    configuration.width = 12
    configuration.layers = 2
    configuration.logarithmic.banks = 3
    configuration.logarithmic.summarizer = summarizer
    configuration.logarithmic.arity = arity
    for _ in 0..<2 {
      var source = ParameterSource(seed: 1)
      let network = try LanguageNetwork(configuration, using: &source)
      #expect(source.count == network.parameterCount)
      #expect(try languageParameters(of: configuration) == network.parameterCount)
      (configuration.logarithmic.expand, configuration.logarithmic.maximumLevels) = (2, 5)
      (configuration.logarithmic.levelBias, configuration.logarithmic.pinned) = (true, 3)
      (configuration.logarithmic.window, configuration.logarithmic.windowBias) = (4, true)
    }
  }

  /// Parameter count of a language network.
  private func languageParameters(of configuration: Configuration) throws -> Int? {
    try ParameterSource.count { try LanguageNetwork(configuration, using: &$0) }
  }

  // MARK: - Memories

  private static let nested = """
    {"feedForward":3,"layers":2,"memory":{"banks":2,"heads":2,"kind":"logarithmic",\
    "summarizer":"linear","window":3},"vocab":11,"width":8}
    """

  /// The object of a single memory equals its keys at the top level, which is the written form.
  @Test func readsAMemoryOfItsOwn() throws {
    let configuration = try Configuration(json: Self.nested)
    #expect(configuration.logarithmic.window == 3 && configuration.memories.count == 1)
    let flat = """
      {"banks":2,"feedForward":3,"heads":2,"layers":2,"summarizer":"linear","vocab":11,\
      "width":8,"window":3}
      """
    #expect(configuration.json == flat)
    #expect(try Configuration(json: flat) == configuration)
  }

  @Test func readsAMemoryPerBlock() throws {
    let memory = "{\"banks\":2,\"heads\":2,\"kind\":\"logarithmic\",\"summarizer\":\"linear\"}"
    let other = memory.replacing("}", with: ",\"window\":3}")
    let json = """
      {"feedForward":3,"layers":2,"memories":[\(memory),\(other)],"vocab":11,"width":8}
      """
    let configuration = try Configuration(json: json)
    #expect(configuration.json == json)
    let windows = (0..<2).map { index in
      (configuration.trunk.memory(ofBlock: index).settings as? LogarithmicMemory.Settings)?.window
    }
    #expect(windows == [0, 3])
    expectError(
      json.replacing("\"layers\":2", with: "\"layers\":3"),
      "memories has 2 entries, it has to have one per block, and layers is 3")
  }

  @Test func refusesSharingWhatDiffers() throws {
    var configuration = Configuration(vocabularySize: 2)
    for count in [0, 5] {
      configuration.distinctLayers = count
      #expect(
        throws: ConfigurationError.outOfRange(key: "distinctLayers", value: count, range: 1...4)
      ) { try configuration.validate() }
    }
    configuration.memoryKinds = ["linear", "attention"]
    configuration.distinctLayers = 2
    try configuration.validate()
    configuration.distinctLayers = 3
    #expect(throws: ConfigurationError.sharedByMemories(layer: 3, with: 0)) {
      try configuration.validate()
    }
  }

  /// Unknown keys are reported with their path.
  @Test(arguments: [
    ("\"window\":3", "\"windows\":3", "unknown keys in the configuration: memory.windows"),
    ("\"window\":3", "\"width\":3", "unknown keys in the configuration: memory.width"),
    ("\"layers\":2", "\"layers\":2,\"heads\":2", "unknown keys in the configuration: heads"),
    (
      "\"kind\":\"logarithmic\"", "\"kind\":\"lstm\"",
      "memory.kind is 'lstm', the kinds of memory are logarithmic, linear, "
        + "mixtureOfMemories, attention, stateSpace, slots"
    ),
    ("\"kind\":\"logarithmic\",", "", "it has no memory.kind"),
    ("\"banks\":2,", "", "it has no memory.banks"),
    ("\"window\":3", "\"window\":\"3\"", "memory.window: "),
    ("\"window\":3", "\"window\":-3", "window is -3, it has to be from 0 to 4096"),
    ("\"layers\":2", "\"layers\":2,\"memories\":[]", "it has both memory and memories"),
  ])
  func refusesMemoriesThatMakeNoSense(_ part: String, _ replacement: String, _ sentence: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(json: Self.nested.replacing(part, with: replacement))
    }
    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
  }

  @Test func refusesAnUnknownKeyOfAMemoryOfAList() {
    let json = """
      {"feedForward":3,"layers":1,"memories":[{"banks":2,"heads":2,"kind":"logarithmic",\
      "summarizer":"linear","span":1}],"vocab":11,"width":8}
      """
    expectError(json, "unknown keys in the configuration: memories.0.span")
  }

  @Test func mergesSomeKeys() throws {
    var configuration = Configuration(vocabularySize: 7)
    configuration.logarithmic.window = 2
    let merged = try configuration.merging(json: #"{"width": 16, "arity": 4}"#)
    #expect((merged.width, merged.logarithmic.arity, merged.logarithmic.window) == (16, 4, 2))
    #expect(merged.vocabularySize == 7)
    let replaced = try configuration.merging(json: Self.nested)
    #expect(replaced == (try Configuration(json: Self.nested)))
    #expect(throws: ConfigurationError.self) { try configuration.merging(json: "[]") }
    #expect(throws: ConfigurationError.self) { try configuration.merging(json: #"{"colour": 1}"#) }
  }

  /// Invalid values are refused when they are read.
  @Test(arguments: [
    (#""arity": 1"#, "arity is 1, it has to be from 2 to 16"),
    (#""arity": 17"#, "arity is 17, it has to be from 2 to 16"),
    (#""expand": -1"#, "expand is -1, it has to be from 0 to 64"),
    (#""maximumLevels": 0"#, "maximumLevels is 0, it has to be from 1 to 47"),
    (#""maximumLevels": 48"#, "maximumLevels is 48, it has to be from 1 to 47"),
    (#""window": -1"#, "window is -1, it has to be from 0 to 4096"),
    (#""pinned": 5000"#, "pinned is 5000, it has to be from 0 to 4096"),
    (#""levelBias": true"#, "levelBias needs maximumLevels"),
    (#""windowBias": true"#, "windowBias needs window of at least 1"),
    (#""visibility": "all""#, "the configuration cannot be read: visibility"),
    (#""summarizer": "conv""#, "the configuration cannot be read: summarizer"),
  ])
  func refusesTreesThatMakeNoSense(_ key: String, _ sentence: String) {
    let sizes = #""vocab": 5, "width": 8, "heads": 2, "layers": 1, "banks": 2, "feedForward": 4"#
    let summarizer = key.contains("summarizer") ? "" : #", "summarizer": "linear""#
    expectError("{\(sizes)\(summarizer), \(key)}", sentence)
  }
}
