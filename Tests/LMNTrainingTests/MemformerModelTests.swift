import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

/// Training, evaluation and generation with a Memformer.
@Suite struct MemformerModelTests {
  private static func configuration() throws -> TrainingConfiguration {
    var configuration = try interruptible()
    var model = MemformerConfiguration(vocabularySize: smallTokenizer.vocabularySize)
    (model.width, model.heads, model.slots, model.segment) = (8, 2, 3, 8)
    (model.encoderLayers, model.decoderLayers, model.feedForward) = (1, 1, 2)
    configuration.memformer = model
    return configuration
  }

  private static func trainer(
    _ configuration: TrainingConfiguration, in directory: String
  ) throws -> Trainer<SegmentedText> {
    try Trainer(
      on: SegmentedText.self, configuration, text: smallText, tokenizer: smallTokenizer,
      in: RunDirectory(directory))
  }

  /// A model after a few steps.
  private static func trained() throws -> MemformerModel {
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration(), in: directory)
      #expect(try trainer.run())
      let model = try MemformerModel(contentsOf: directory)
      #expect(
        model.network.stateDictionary.tensors == trainer.model.network.stateDictionary.tensors)
      return model
    }
  }

  // MARK: - Training

  @Test func learnsTheBuiltInGrammar() throws {
    var configuration = try Self.configuration()
    (configuration.steps, configuration.blockLength, configuration.batchSize) = (150, 32, 8)
    configuration.schedule = .constant(rate: 1e-2)
    try withTemporaryDirectory { directory in
      var trainer = try Self.trainer(configuration, in: directory)
      #expect(try trainer.run())
      let losses = try log(in: directory).compactMap(\.loss)
      #expect(losses.last! < losses[0] - 0.8, "\(losses[0]), \(losses.last!)")
    }
  }

  /// From random windows, and with carried state with and without replay.
  @Test(arguments: [nil, Carry(horizon: 2), Carry(horizon: 3, replay: true)], [1, 7, 12])
  func stoppedRunsGoOnExactly(carry: Carry?, stop: Int) throws {
    var configuration = try Self.configuration()
    configuration.carry = carry
    let whole = try withTemporaryDirectory { directory in
      var trainer = try Self.trainer(configuration, in: directory)
      #expect(try trainer.run())
      return try remains(in: directory)
    }
    try withTemporaryDirectory { directory in
      var first = try Self.trainer(configuration, in: directory)
      try first.run(steps: stop, then: .stop)
      var second = try Trainer(
        on: SegmentedText.self, resuming: RunDirectory(directory), text: smallText)
      #expect(second.step == stop)
      #expect(try second.run())
      #expect(try remains(in: directory) == whole)
    }
  }

  /// Rows read their parts of the text, each with the segment before it.
  @Test func carriedWindowsKnowTheSegmentBefore() throws {
    var configuration = try Self.configuration()
    configuration.memformer!.vocabularySize = 256
    configuration.carry = Carry(horizon: 1)
    (configuration.blockLength, configuration.batchSize) = (8, 2)
    let text = (0..<120).map { UInt8($0) }
    let data = try SegmentedText(text: text, tokenizer: .bytes, for: configuration)
    var generator = SeededGenerator(seed: 1)
    let network = try generator.drawing { try Memformer(configuration.memformer!, using: &$0) }
    let batch = data.batch(.valueAndGradient, at: network, for: configuration)
    for step in 0..<3 {
      data.fill(batch, forStep: step, of: configuration, using: &generator)
      let found = batch.run()
      let losses = (0..<2).map { row in
        var state = network.initialState
        let tokens = (0..<8 * (step + 1)).map { Token(53 * row + $0) }
        let logits = network.read(tokens, after: &state).value.rows(8 * step..<8 * step + 8)
        let targets = TokenBuffer(tokens.suffix(8))
        let losses = logits.crossEntropy(targets: targets).losses.scalars
        return losses.reduce(0) { $0 + Double($1) } / 8
      }
      #expect(abs(found - losses.reduce(0, +) / 2) <= 1e-5, "step \(step)")
    }
  }

  @Test func settingsThatDoNotFitAreRefused() throws {
    func refusal(_ change: (inout TrainingConfiguration) -> Void) throws -> String {
      var configuration = try Self.configuration()
      change(&configuration)
      let error = #expect(throws: (any Error).self) { try configuration.validate() }
      return "\(try #require(error))"
    }
    #expect(
      try refusal { ($0.carry, $0.blockLength) = (Carry(), 12) }
        == "block length is 12, it has to be a multiple of 8, the length of a segment, with carried "
        + "state")
    #expect(
      try refusal { $0.task = .forecast(.init()) }
        == "a Memformer is for the task text, and the task is forecast")
    #expect(
      try refusal { $0.memformer!.slots = 0 } == "slots is 0, it has to be from 1 to 4096")
  }

  // MARK: - Generation

  /// States within a segment and at its end.
  @Test(arguments: [0, 1, 3, 4, 5, 20])
  func savedGenerationsGoOn(count: Int) throws {
    let model = try Self.trained()
    let prompt = Array(smallText.prefix(12))
    func begun() throws -> Generation {
      var generation = Generation(model, seed: 2)
      try generation.read(prompt)
      return generation
    }
    func text(_ count: Int, of generation: inout Generation) -> String {
      (0..<count).map { _ in generation.write() }.joined()
    }
    var whole = try begun()
    let expected = text(count + 40, of: &whole)
    try withTemporaryDirectory { directory in
      let path = directory + "/state"
      var first = try begun()
      let begin = text(count, of: &first)
      try first.save(to: path)
      var second = try Generation(restoring: path, of: model, sampler: Sampler())
      #expect(begin + text(40, of: &second) == expected)
      #expect(second.position == whole.position)

      for forged in ["slots", "source", "tokens"] {
        let file = try Safetensors(contentsOf: path)
        var other = Safetensors(metadata: file.metadata)
        for entry in file.entries {
          if ["source", "tokens"].contains(entry.name) {
            let values = try file.integers(entry.name).values + (entry.name == forged ? [99] : [])
            other.append(entry.name, shape: [values.count], integers: values)
          } else {
            let (shape, values) = try file.floats(entry.name)
            let isForged = entry.name == forged
            other.append(
              entry.name, shape: isForged ? [values.count] : shape, floats: values)
          }
        }
        try other.write(to: path)
        let error = #expect(throws: (any Error).self, "\(forged)") {
          try Generation(restoring: path, of: model, sampler: Sampler())
        }
        #expect("\(try #require(error))".hasPrefix("\(path): "))
        try file.write(to: path)
      }
    }
  }

  /// The text is that of the likeliest tokens, computed from the whole text before each.
  @Test func writesTheLikeliestTokens() throws {
    let model = try Self.trained()
    var sampler = Sampler()
    sampler.temperature = 0
    var generation = Generation(model, sampler: sampler, seed: 1)
    var tokens = try model.tokenizer.encode(Array(smallText.prefix(5)))
    try generation.read(Array(smallText.prefix(5)))
    for _ in 0..<20 {
      var state = model.network.initialState
      _ = model.network.read(tokens, after: &state)
      let logits = model.network.predict(after: &state).value.scalars
      let likeliest = Token(logits.indices.max { logits[$0] < logits[$1] }!)
      #expect(
        generation.write() == String(decoding: model.tokenizer.decode(likeliest), as: UTF8.self))
      tokens.append(likeliest)
    }
  }

  // MARK: - Evaluation

  /// The cuts between pieces and the number of threads do not affect the bits.
  @Test(arguments: [Evaluator.Mode.streaming, .blocks(length: 20)])
  func piecesChangeNothing(mode: Evaluator.Mode) throws {
    let model = try Self.trained()
    let tokens = Array(try model.tokenizer.encode(smallText).prefix(101))
    func evaluate(piece: Int, threads: Int) throws -> Evaluation? {
      try computing(threads: threads) {
        var evaluator = Evaluator(model, mode)
        for begin in stride(from: 0, to: tokens.count, by: piece) {
          try evaluator.read(Array(tokens[begin..<min(begin + piece, tokens.count)]))
        }
        return evaluator.finish()
      }
    }
    let expected = try evaluate(piece: tokens.count, threads: 1)
    for (piece, threads) in [(1, 1), (7, 2), (8, 1), (64, 3)] {
      #expect(try evaluate(piece: piece, threads: threads) == expected, "pieces of \(piece)")
    }

    // Every token but the first is predicted from those before it in its block.
    let length = if case .blocks(let length) = mode { length } else { tokens.count }
    var sum = 0.0
    for begin in stride(from: 0, to: tokens.count - 1, by: length) {
      let part = Array(tokens[begin...min(begin + length, tokens.count - 1)])
      var state = model.network.initialState
      let logits = model.network.read(part, after: &state).value.rows(1..<part.count)
      let losses = logits.crossEntropy(targets: TokenBuffer(part.dropFirst())).losses
      sum += losses.scalars.reduce(0) { $0 + Double($1) }
    }
    let loss = try #require(expected).loss
    #expect(abs(loss - sum / 100) <= 1e-5)
  }

  // MARK: - Files

  @Test func otherReadersNameTheMemformer() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/model.safetensors"
      try Self.trained().write(to: path)
      guard case .memformer = try AnyModel(contentsOf: directory) else {
        Issue.record("it is another model")
        return
      }
      let error = #expect(throws: CheckpointError.self) { try LanguageModel(contentsOf: path) }
      #expect(
        error?.description == "\(path): it is a Memformer, expected a network of blocks")
    }
  }
}
