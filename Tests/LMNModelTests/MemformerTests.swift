import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct MemformerTests {
  private static let (vocabularySize, segment) = (11, 6)

  private func model(
    _ change: (inout MemformerConfiguration) -> Void = { _ in }
  ) throws -> Memformer {
    var configuration = MemformerConfiguration(vocabularySize: Self.vocabularySize)
    (configuration.width, configuration.heads, configuration.feedForward) = (12, 3, 2)
    (configuration.slots, configuration.segment) = (4, Self.segment)
    (configuration.encoderLayers, configuration.decoderLayers) = (1, 2)
    change(&configuration)
    var source = ParameterSource(seed: 3)
    return try Memformer(configuration, using: &source)
  }

  private func text(_ count: Int, seed: UInt64 = 1) -> [Token] {
    var values = SeededValues(seed: seed)
    return values.integers(count, below: Self.vocabularySize).map { Token($0) }
  }

  private func expectClose(_ found: [Float], _ expected: [Float], _ label: String) {
    let largest = expected.reduce(0) { max($0, abs(Double($1))) }
    LMNTestSupport.expectClose(
      found, expected, within: expected.map { _ in 1e-5 * largest }, label)
  }

  /// Chunks of any lengths, across ends of segments too, and single tokens give the same logits.
  @Test(arguments: InstructionSet.available)
  func formsAgree(_ instructionSet: InstructionSet) throws {
    let model = try model()
    computing(on: instructionSet) {
      for length in [1, 5, 6, 7, 20] {
        let text = text(length, seed: UInt64(length))
        var state = model.initialState
        let expected = model.read(text, after: &state).value.scalars
        for size in 1...8 {
          var state = model.initialState
          let found = stride(from: 0, to: length, by: size).flatMap { begin in
            model.read(Array(text[begin..<min(begin + size, length)]), after: &state).value.scalars
          }
          expectClose(found, expected, "chunks of \(size) in \(length) tokens")
        }
        var stepped = model.initialState
        let steps = text.flatMap { token in
          let logits = model.predict(after: &stepped)
          model.append(token, to: &stepped)
          return logits.value.scalars
        }
        expectClose(steps, expected, "steps over \(length) tokens")
        #expect(stepped.tokens == Array(text.suffix(length % Self.segment)))
      }
    }
  }

  /// A state is a value: both copies go on by themselves.
  @Test func aStateForks() throws {
    let model = try model()
    var state = model.initialState
    _ = model.read(text(9), after: &state)
    var fork = state
    _ = model.read(text(7, seed: 2), after: &fork)
    let rest = text(8, seed: 3)
    let found = model.read(rest, after: &state).value.scalars
    var whole = model.initialState
    let expected = model.read(text(9) + rest, after: &whole).value.rows(9..<17).scalars
    expectClose(found, expected, "after a fork")
  }

  /// A token changes no logits up to its own, and changes those that follow it, in all segments.
  @Test func isCausal() throws {
    let model = try model()
    let text = text(21)
    func logits(_ text: [Token]) -> Tensor {
      var state = model.initialState
      return model.read(text, after: &state).value
    }
    let expected = logits(text)
    for place in [0, 4, 5, 6, 13, 20] {
      var changed = text
      changed[place] = (changed[place] + 1) % Token(Self.vocabularySize)
      let found = logits(changed)
      #expect(found.rows(0..<place + 1) == expected.rows(0..<place + 1), "place \(place)")
      for later in place + 1..<text.count {
        #expect(found.rows(later..<later + 1) != expected.rows(later..<later + 1), "\(later)")
      }
    }
  }

  /// Tokens of a segment reach the one after the next by the slots alone.
  @Test func onlySlotsReachBeyondTheSource() throws {
    let model = try model()
    func logits(after first: [Token], forgetting: Bool) -> [Float] {
      var state = model.initialState
      _ = model.read(first, after: &state)
      _ = model.read(text(6, seed: 4), after: &state)
      if forgetting { state.slots = model.initialState.slots }
      return model.read(text(6, seed: 5), after: &state).value.scalars
    }
    let (one, other) = (text(6, seed: 2), text(6, seed: 3))
    #expect(logits(after: one, forgetting: false) != logits(after: other, forgetting: false))
    #expect(logits(after: one, forgetting: true) == logits(after: other, forgetting: true))
  }

  /// Gradients of a loss over three segments, of which the middle one is short; they flow through
  /// two writes of the slots.
  @Test func gradientsAgreeWithDifferences() throws {
    let model = try model { ($0.decoderLayers, $0.temperature) = (1, 1) }
    let segments = [text(6), text(4, seed: 2), text(3, seed: 3)]
    // A loss is a mean of 13 values near 2, rounded to 2⁻²³: slopes are off by 2⁻²³ / step.
    expectGradients(
      of: { parameters in
        var (changed, rest) = (model, parameters.makeIterator())
        changed.forEachParameter { $1 = rest.next()! }
        return changed.loss(of: segments)
      }, at: model.stateDictionary.tensors, step: 1 / 256, tolerance: 2e-3)
  }

  @Test func bitsDoNotDependOnThreads() throws {
    let model = try model { ($0.width, $0.heads, $0.segment) = (96, 4, 40) }
    func result(_ threads: Int) -> (Float, StateDictionary) {
      computing(threads: threads) {
        valueWithGradient(at: model) {
          $0.loss(of: [text(40), text(40, seed: 2), text(9, seed: 3)])
        }
      }
    }
    let expected = result(1)
    for threads in 2...4 {
      let found = result(threads)
      #expect(found.0 == expected.0 && found.1 == expected.1, "\(threads) threads")
    }
  }

  @Test func readsItsOwnJSON() throws {
    let json = """
      {"decoderLayers":2,"encoderLayers":1,"feedForward":2,"heads":3,"kind":"memformer",\
      "segment":6,"slots":4,"vocab":11,"width":12}
      """
    let configuration = try model().configuration
    #expect(configuration.json == json)
    #expect(try MemformerConfiguration(json: json) == configuration)
  }

  /// Part of a valid configuration, its replacement, and the error.
  @Test(arguments: [
    ("\"heads\":4", "\"heads\":5", "5 heads do not divide a width of 32"),
    ("\"heads\":4", "\"heads\":0", "heads is 0, it has to be from 1 to 16777216"),
    ("\"segment\":64", "\"segment\":2000", "segment is 2000, it has to be from 1 to 1024"),
    ("\"slots\":16", "\"slots\":0", "slots is 0, it has to be from 1 to 4096"),
    (
      "\"encoderLayers\":2", "\"encoderLayers\":0",
      "encoderLayers is 0, it has to be from 1 to 4096"
    ),
    ("\"slots\":16", "\"slots\":16,\"temperature\":0", "temperature is 0.0, it has to be above 0"),
    ("\"slots\":16", "\"slots\":16,\"rho\":1", "unknown keys in the configuration: rho"),
    ("memformer", "slots", "kind is 'slots', not 'memformer'"),
  ])
  func anImpossibleConfigurationIsAnError(_ part: String, _ replacement: String, _ message: String)
  {
    let json = MemformerConfiguration(vocabularySize: 5).json
    #expect(json.contains(part))
    let error = #expect(throws: ConfigurationError.self) {
      try MemformerConfiguration(json: json.replacing(part, with: replacement))
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains(message), "\(error?.description ?? "")")
  }
}
