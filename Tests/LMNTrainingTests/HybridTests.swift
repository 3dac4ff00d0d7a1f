import FoundationEssentials
import LMN
import LMNMemories
import LMNTestSupport
import Testing

@testable import LMNTraining

/// Hybrids of logarithmic memories with each of the other ones.
@Suite struct HybridTests {
  /// Runs `body` with the moving average as a known kind of memory.
  private func withMovingAverages<R>(_ body: () throws -> R) rethrows -> R {
    try MemoryConfiguration.$known.withValue(
      MemoryConfiguration.known + [MovingAverage.Settings.self], operation: body)
  }

  /// Settings with these memories, repeated over four layers.
  private func hybrid(_ kinds: [String]) throws -> TrainingConfiguration {
    var configuration = try interruptible()
    configuration.model.layers = 4
    configuration.model.memoryKinds = kinds
    return configuration
  }

  private static let averages = [
    ["movingAverage"], ["logarithmic", "movingAverage"],
    ["movingAverage", "logarithmic", "movingAverage", "movingAverage"],
  ]
  private static let mixtures = averages + [["attention"], ["logarithmic", "attention"]]

  /// The same with the other memories.
  private static let all =
    mixtures + [
      ["stateSpace"], ["logarithmic", "stateSpace", "stateSpace", "movingAverage"],
      ["linear", "mixtureOfMemories"],
      ["mixtureOfMemories", "mixtureOfMemories", "mixtureOfMemories", "attention"],
      ["slots"], ["logarithmic", "slots"],
    ]

  @Test(arguments: averages)
  func configurationsAreNested(kinds: [String]) throws {
    try withMovingAverages {
      var model = try hybrid(kinds).model
      model.trunk[each: \MovingAverage.Settings.decay] = 0.75
      model.trunk[each: \LogarithmicMemory.Settings.window] = 2
      #expect(
        model.memoryKinds == (kinds.count == 1 ? kinds : (0..<4).map { kinds[$0 % kinds.count] }))
      #expect(model.json.contains(#"{"decay":0.75,"kind":"movingAverage"}"#))
      #expect(model.json.contains(#""window":2"#) == kinds.contains("logarithmic"))
      #expect(try Configuration(json: model.json) == model)
    }
    let json = try withMovingAverages { try hybrid(kinds).model.json }
    let error = #expect(throws: ConfigurationError.self) { try Configuration(json: json) }
    #expect(error?.description.contains("the kinds of memory are logarithmic, linear") == true)
  }

  /// The three forms of a hybrid agree.
  @Test(arguments: all)
  func formsAgree(kinds: [String]) throws {
    try withMovingAverages {
      var source = ParameterSource(seed: 1, initialisation: .normal)
      let network = try LanguageNetwork(hybrid(kinds).model, using: &source)
      let tokens = (0..<700).map { Token($0 % 11) }
      let expected = network(tokens).value.scalars.suffix(network.outputWidth)
      var (reader, stepper) = (Session(network), Session(network))
      let last = reader.read(tokens)
      let read = try #require(last).scalars
      var stepped: [Float] = []
      for token in tokens { stepped = stepper.step(token).scalars }
      let largest = expected.reduce(0) { max($0, Double(abs($1))) }
      for found in [read, stepped] {
        expectClose(
          found, Array(expected), within: found.map { _ in 1e-4 * largest }, "\(kinds)")
      }
      #expect(reader.state.blocks.count == 4 && reader.state.position == 700)
    }
  }

  /// A hybrid trains, and an interrupted run resumes exactly, with windows and with carried state.
  @Test(arguments: all, [nil, Carry(horizon: 2), Carry(horizon: 2, replay: true)])
  func runsGoOnExactly(kinds: [String], carry: Carry?) throws {
    try withMovingAverages {
      var configuration = try hybrid(kinds)
      configuration.carry = carry
      let whole = try remains(of: configuration)
      #expect(try #require(whole.log.last?.loss) < #require(whole.log.first?.loss))
      try withTemporaryDirectory { directory in
        var first = try trainer(configuration, in: directory)
        try first.run(steps: 7, then: .stop)
        var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
        #expect(try second.run())
        #expect(try remains(in: directory) == whole)
        let model = try LanguageModel(contentsOf: directory)
        #expect(model.network.configuration == configuration.model)
      }
    }
  }

  /// The state of a hybrid's stream is saved and continued.
  @Test(arguments: [["movingAverage", "logarithmic"], ["stateSpace", "logarithmic"]])
  func statesAreSaved(kinds: [String]) throws {
    try withMovingAverages {
      var source = ParameterSource(seed: 1)
      var configuration = try hybrid(kinds).model
      configuration.vocabularySize = smallTokenizer.vocabularySize
      let model = LanguageModel(
        network: try LanguageNetwork(configuration, using: &source), tokenizer: smallTokenizer)
      var generation = Generation(model, seed: 3)
      try generation.read(Array(smallText.prefix(50)))
      try withTemporaryDirectory { directory in
        try generation.save(to: directory + "/state")
        var restored = try Generation(
          restoring: directory + "/state", of: model, sampler: Sampler())
        #expect((0..<40).map { _ in restored.write() } == (0..<40).map { _ in generation.write() })
      }
    }
  }
}
