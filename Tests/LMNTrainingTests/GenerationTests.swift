import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct GenerationTests {
  private let model: LanguageModel

  init() throws {
    model = try .small(.characters(of: "the cat sat on a mat.\n"))
  }

  private func begun(_ model: LanguageModel, seed: UInt64 = 1) throws -> Generation {
    var generation = Generation(model, seed: seed)
    try generation.read(Array("the cat".utf8))
    return generation
  }

  private func text(_ count: Int, of generation: inout Generation) -> String {
    (0..<count).map { _ in generation.write() }.joined()
  }

  @Test func seedsRepeatAndDiffer() throws {
    func text(seed: UInt64) throws -> String {
      var generation = try begun(model, seed: seed)
      return self.text(100, of: &generation)
    }
    #expect(try text(seed: 1) == text(seed: 1))
    #expect(try text(seed: 1) != text(seed: 2))
  }

  /// A file is read in pieces, after text that was read before.
  @Test func readsFilesAsTexts() throws {
    let prompt = Array(String(repeating: "the cat sat.\n", count: 3000).utf8)
    try withTemporaryDirectory { directory in
      let path = directory + "/prompt"
      try AtomicFile.write(prompt, to: path)
      var (one, other) = (try begun(model), try begun(model))
      try one.read(prompt)
      var file = try TokenReader(path, tokenizer: model.tokenizer)
      try other.read(&file)
      #expect(other.position == one.position)
      #expect(text(20, of: &other) == text(20, of: &one))

      try AtomicFile.write(prompt + Array("?".utf8), to: path)
      var wrong = try TokenReader(path, tokenizer: model.tokenizer)
      var (again, fork) = (try begun(model), try begun(model))
      #expect(throws: TokenizerError.self) { try again.read(&wrong) }
      #expect(again.position == 7)
      #expect(text(20, of: &again) == text(20, of: &fork))
    }
  }

  /// Reads that fail after the first piece: an unknown character, or the end of learned positions.
  @Test(arguments: [(1, nil), (3, nil), (1, 10_000)] as [(Int, Int?)])
  func failedReadsChangeNothing(threads: Int, maximumLength: Int?) throws {
    try computing(threads: threads) {
      let model = try LanguageModel.small(model.tokenizer) {
        $0.layers = 1
        if let maximumLength { ($0.positions, $0.maximumLength) = (.learned, maximumLength) }
      }
      var generation = try begun(model)
      // A decode step moves the state into memory that further steps overwrite.
      _ = text(5, of: &generation)
      var untouched = try begun(model)
      _ = text(5, of: &untouched)

      // Longer than one piece of the file, and than one group of chunks.
      let pieceLength = max(TokenReader.pieceLength, TokenReader.byteCountAtOnce)
      let known = [UInt8](repeating: 97, count: pieceLength + 5000)
      try withTemporaryDirectory { directory in
        let path = directory + "/prompt"
        try AtomicFile.write(known + (maximumLength == nil ? [63] : []), to: path)
        var file = try TokenReader(path, tokenizer: model.tokenizer)
        #expect(throws: (any Error).self) { try generation.read(&file) }
        try generation.save(to: directory + "/found")
        try untouched.save(to: directory + "/expected")
        #expect(
          try AtomicFile.contents(of: directory + "/found")
            == AtomicFile.contents(of: directory + "/expected"))
      }
      #expect(text(20, of: &generation) == text(20, of: &untouched))
    }
  }

  @Test func countsWhatItReadAndWrote() throws {
    var generation = try begun(model)
    _ = text(5, of: &generation)
    #expect(generation.position == 12)
  }

  /// Includes cuts within a character: a random byte model writes many characters of several bytes.
  @Test(arguments: SummarizerKind.allCases, [0, 1, 2, 3, 50])
  func savedGenerationsGoOn(summarizer: SummarizerKind, count: Int) throws {
    for tokenizer in [model.tokenizer, .bytes] {
      let model = try LanguageModel.small(tokenizer, summarizer: summarizer)
      var whole = try begun(model)
      let expected = text(count + 60, of: &whole) + whole.finish()
      try withTemporaryDirectory { directory in
        var first = try begun(model)
        let begin = text(count, of: &first)
        try first.save(to: directory + "/state")
        var second = try Generation(
          restoring: directory + "/state", of: model, sampler: Sampler())
        let end = text(60, of: &second) + second.finish()
        #expect(begin + end == expected)
        #expect(second.position == whole.position)
        #expect(second.generator == whole.generator)
      }
    }
  }

  @Test func charactersAreHeldBackAcrossAStateFile() throws {
    let model = try LanguageModel.small(.bytes)
    var generation = Generation(model, seed: 5)
    try generation.read([65])
    // Among random bytes, one that begins a character comes soon.
    var written = ""
    repeat { written = generation.write() } while !written.isEmpty
    try withTemporaryDirectory { directory in
      try generation.save(to: directory + "/state")
      var restored = try Generation(
        restoring: directory + "/state", of: model, sampler: Sampler())
      let expected = generation.finish()
      #expect(!expected.isEmpty && restored.finish() == expected)
    }
  }

  @Test func learnedPositionsEndSomewhere() throws {
    let model = try LanguageModel.small(.bytes) {
      ($0.positions, $0.maximumLength) = (.learned, 8)
    }
    var generation = Generation(model, seed: 1)
    #expect(generation.room == 8)
    for (text, count) in [("123456789", 0), ("1234", 5)] {
      #expect(throws: ConfigurationError.beyondLastPosition(tokens: 9, maximumLength: 8)) {
        try generation.read(Array(text.utf8), toWrite: count)
      }
      #expect(generation.position == 0)
    }
    #expect(throws: ConfigurationError.beyondLastPosition(tokens: .max, maximumLength: 8)) {
      try generation.read(Array("1234".utf8), toWrite: .max)
    }
    try generation.read(Array("1234".utf8), toWrite: 4)
    for _ in 0..<4 { _ = generation.write() }
    #expect(generation.room == 0)
    #expect(throws: ConfigurationError.beyondLastPosition(tokens: 9, maximumLength: 8)) {
      try generation.read([], toWrite: 1)
    }
    // A state at position 9 has the same number of nodes.
    try withTemporaryDirectory { directory in
      try generation.save(to: directory + "/state")
      var file = try Safetensors(contentsOf: directory + "/state")
      file.metadata["position"] = "9"
      try file.write(to: directory + "/state")
      let error = #expect(throws: CheckpointError.self) {
        try Generation(restoring: directory + "/state", of: model, sampler: Sampler())
      }
      #expect(
        error?.description.hasSuffix("its position is 9, the model has 8 learned positions") == true
      )
    }
  }

  /// A state of fixed shape is restored at any position up to the last one of a state file.
  @Test func lastPositionOfAStateFileLeavesNoRoom() throws {
    let model = try LanguageModel.small(.bytes) {
      $0.memories = [MemoryConfiguration(DiagonalStateSpace.Settings())]
    }
    try withTemporaryDirectory { directory in
      let path = directory + "/state"
      try begun(model).save(to: path)
      var file = try Safetensors(contentsOf: path)
      file.metadata["position"] = "\((1 << 47) - 2)"
      try file.write(to: path)
      var late = try Generation(restoring: path, of: model, sampler: Sampler())
      #expect(late.room == 1)
      _ = late.write()
      #expect(late.room == 0)
      try late.save(to: path)
      #expect(try Generation(restoring: path, of: model, sampler: Sampler()).room == 0)
    }
  }

  @Test func forksAreIndependent() throws {
    var trunk = try begun(model)
    _ = text(9, of: &trunk)
    var (one, other) = (trunk, trunk)
    other.generator = SeededGenerator(seed: 77)
    let otherText = text(40, of: &other)
    let oneText = text(40, of: &one)
    #expect(text(40, of: &trunk) == oneText)
    #expect(otherText != oneText)
  }

  @Test func readingInPartsIsReadingAtOnce() throws {
    var parts = Generation(model, seed: 1)
    for part in ["t", "he", " c", "", "at"] { try parts.read(Array(part.utf8)) }
    var whole = try begun(model)
    #expect(text(60, of: &parts) == text(60, of: &whole))
  }

  @Test func unknownCharactersChangeNothing() throws {
    var generation = try begun(model)
    let before = generation.position
    #expect(throws: TokenizerError.self) { try generation.read(Array("at Z".utf8)) }
    #expect(generation.position == before)
  }

  // MARK: - State files

  /// The error of a changed state file.
  private func refusal(
    of model: LanguageModel? = nil, _ change: (inout [UInt8]) throws -> Void
  ) throws -> String {
    try withTemporaryDirectory { directory in
      let path = directory + "/state"
      try begun(self.model).save(to: path)
      var bytes = try AtomicFile.contents(of: path)
      try change(&bytes)
      try AtomicFile.write(bytes, to: path)
      let error = #expect(throws: (any Error).self) {
        try Generation(restoring: path, of: model ?? self.model, sampler: Sampler())
      }
      return "\(try #require(error))".replacing(path, with: "FILE")
    }
  }

  /// The error of changed metadata or tensor names.
  private func refusal(
    metadata: [String: String?] = [:], rename: (String) -> String = { $0 },
    shape: ([Int]) -> [Int] = { $0 }
  ) throws -> String {
    try refusal { bytes in
      let file = try Safetensors(decoding: bytes)
      let changed = metadata.reduce(into: file.metadata) { $0[$1.key] = $1.value }
      var other = Safetensors(metadata: changed)
      for entry in file.entries {
        let (_, values) = try file.floats(entry.name)
        other.append(rename(entry.name), shape: shape(entry.shape), floats: values)
      }
      bytes = other.encoded()
    }
  }

  @Test(arguments: ["blocks.0.nodes", "logits"])
  func statesThatAreNotFiniteAreRefused(name: String) throws {
    let sentence = try refusal { bytes in
      let file = try Safetensors(decoding: bytes)
      var other = Safetensors(metadata: file.metadata)
      for entry in file.entries {
        let (shape, values) = try file.floats(entry.name)
        let isChanged = entry.name == name
        other.append(
          entry.name, shape: shape, floats: isChanged ? [.nan] + values.dropFirst() : values)
      }
      bytes = other.encoded()
    }
    #expect(sentence == "FILE: the tensor '\(name)' has a value that is not finite")
  }

  @Test func statesOfOtherModelsAreRefused() throws {
    for other in [
      try LanguageModel.small(model.tokenizer, seed: 2),
      try .small(model.tokenizer, summarizer: .depthwiseSeparable),
      try .small(.bytes),
    ] {
      #expect(try refusal(of: other) { _ in } == "FILE: it is the state of another model")
    }
  }

  @Test func damagedStatesAreRefused() throws {
    #expect(try refusal { $0 = [] } == "FILE: 0 bytes are too few for a safetensors file")
    #expect(try refusal { $0.removeLast() }.contains("beyond"))
    #expect(try refusal { $0.removeLast($0.count / 2) }.hasPrefix("FILE: "))
    #expect(try refusal { $0.append(0) }.contains("the tensors end at offset"))
    #expect(
      try refusal(metadata: ["state_of": nil]) == "FILE: it holds no state of a session")
    let unreadable = "FILE: its position, random state or text cannot be read"
    #expect(try refusal(metadata: ["position": "x"]) == unreadable)
    #expect(try refusal(metadata: ["generator": "0"]) == unreadable)
    #expect(try refusal(metadata: ["held_back": "e2 xyz"]) == unreadable)
    #expect(try refusal(metadata: ["held_back": nil]) == unreadable)
    for position in ["8", "0", "-1", "\(Int.max)"] {
      #expect(
        try refusal(metadata: ["position": position])
          == "FILE: its tensors do not form a state at position \(position)")
    }
    #expect(
      try refusal(rename: { $0 == "logits" ? "x" : $0 }) == "FILE: there is no tensor 'logits'")
    #expect(
      try refusal(shape: { $0.reversed() })
        == "FILE: its tensors do not form a state at position 7")
  }
}
