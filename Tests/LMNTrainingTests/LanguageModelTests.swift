import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct LanguageModelTests {
  private let model: LanguageModel

  init() throws {
    model = try .small(.characters(of: "the cat sat — “é” 🐟\n"))
  }

  private func bits(_ dictionary: StateDictionary) -> [[UInt32]] {
    dictionary.tensors.map { $0.scalars.map(\.bitPattern) }
  }

  @Test(arguments: SummarizerKind.allCases)
  func readsWhatItWroteBitForBit(summarizer: SummarizerKind) throws {
    for tokenizer in [model.tokenizer, .bytes] {
      var model = try LanguageModel.small(tokenizer, summarizer: summarizer)
      model.network.forEachParameter { name, parameter in
        guard name == "blocks.0.norm1.weight" else { return }
        var scalars = parameter.value.scalars
        scalars.replaceSubrange(
          0..<4, with: [-0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0x1.fffffep-1])
        parameter = Variable(
          constant: Tensor(shape: parameter.value.shape, scalars: scalars))
      }
      try withTemporaryDirectory { directory in
        try model.write(to: directory + "/model.safetensors")
        for path in [directory, directory + "/model.safetensors"] {
          let found = try LanguageModel(contentsOf: path)
          #expect(bits(found.network.stateDictionary) == bits(model.network.stateDictionary))
          #expect(found.network.configuration == model.network.configuration)
          #expect(found.tokenizer == model.tokenizer)
          #expect(found.fingerprint == model.fingerprint)
          #expect(found.encoded().encoded() == model.encoded().encoded())
        }
      }
    }
  }

  /// Files hold the parameters under our own names and in our own layout.
  @Test func holdsTheParametersAsTheyAre() throws {
    let file = model.encoded()
    #expect(file.metadata["format_version"] == "2")
    let names = file.entries.map(\.name)
    #expect(names == model.network.stateDictionary.names)
    #expect(try file.stateDictionary(of: names) == model.network.stateDictionary)
    #expect(
      Set(names.filter { !$0.hasPrefix("blocks.1.") }) == [
        "token_embedding_table.weight", "blocks.0.norm1.weight", "blocks.0.norm2.weight",
        "blocks.0.summarizer.weight", "blocks.0.summarizer.bias", "blocks.0.query_value.weight",
        "blocks.0.query_value.bias", "blocks.0.key.weight", "blocks.0.key.bias",
        "blocks.0.out_proj.weight", "blocks.0.out_proj.bias",
        "blocks.0.feedforward.0.weight", "blocks.0.feedforward.0.bias",
        "blocks.0.feedforward.2.weight", "blocks.0.feedforward.2.bias", "ln_f.weight",
        "ln_f.bias", "lm_head.weight", "lm_head.bias",
      ])
  }

  @Test func fingerprintsTellModelsApart() throws {
    let others = [
      try LanguageModel.small(model.tokenizer, seed: 2),
      try .small(model.tokenizer, summarizer: .depthwiseSeparable),
      try .small(.characters(of: "the cut sut — “é” 🐟\n")),
    ]
    #expect(Set((others + [model]).map(\.fingerprint)).count == 4)
    #expect(try LanguageModel.small(model.tokenizer).fingerprint == model.fingerprint)
  }

  // MARK: - Files that are refused

  /// The error of a changed model file.
  private func refusal(
    metadata: [String: String?] = [:],
    tensors change: (inout [(name: String, shape: [Int], values: [Float])]) -> Void = { _ in }
  ) throws -> String {
    let file = model.encoded()
    var tensors = try file.entries.map { entry in
      let (shape, values) = try file.floats(entry.name)
      return (name: entry.name, shape: shape, values: values)
    }
    change(&tensors)
    var changed = Safetensors(
      metadata: metadata.reduce(into: file.metadata) { $0[$1.key] = $1.value })
    for (name, shape, values) in tensors { changed.append(name, shape: shape, floats: values) }
    return try withTemporaryDirectory { directory in
      let path = directory + "/file"
      try changed.write(to: path)
      let error = #expect(throws: (any Error).self) { try LanguageModel(contentsOf: path) }
      let sentence = "\(try #require(error))"
      #expect(!sentence.contains("\n"))
      return sentence.replacing(path, with: "FILE")
    }
  }

  private func configuration(_ change: (inout Configuration) -> Void) -> String {
    var configuration = model.network.configuration
    change(&configuration)
    return configuration.json
  }

  @Test func changedMetadataIsRefused() throws {
    for key in ["config", "tokenizer", "format_version"] {
      #expect(try refusal(metadata: [key: nil]) == "FILE: it has no '\(key)' in its metadata")
    }
    #expect(
      try refusal(metadata: ["format_version": "3"])
        == "FILE: its format is version 3, this program reads 1 and 2")
    #expect(
      try refusal(metadata: ["tokenizer": "bytes"])
        == "FILE: its tokenizer has 256 tokens, its configuration 13")
    #expect(
      try refusal(metadata: ["tokenizer": "words"])
        == #"FILE: "words" does not describe a tokenizer; "#
        + #"expected "bytes" or "characters:" and the vocabulary"#)
    #expect(
      try refusal(metadata: ["tokenizer": "characters:aa"])
        == "FILE: the vocabulary has the character 'a' (U+0061) twice")
    #expect(
      try refusal(metadata: ["config": "{"]).hasPrefix("FILE: the configuration cannot be read: "))
    #expect(
      try refusal(metadata: ["config": "{}"])
        == "FILE: the configuration cannot be read: it has no vocab")
    #expect(
      try refusal(metadata: ["config": String(repeating: "[", count: 100_000)])
        .hasPrefix("FILE: the configuration cannot be read: "))
    #expect(
      try refusal(
        metadata: [
          "config": model.network.configuration.json.replacing("{", with: #"{"experts":1,"#)
        ])
        == "FILE: unknown keys in the configuration: experts")
    #expect(
      try refusal(metadata: ["config": configuration { $0.logarithmic.heads = 3 }])
        == "FILE: 3 heads do not divide a width of 8")
    #expect(
      try refusal(metadata: ["config": configuration { $0.logarithmic.banks = 0 }])
        == "FILE: banks is 0, it has to be from 1 to 16777216")
  }

  @Test func changedTensorsAreRefused() throws {
    let count = model.network.parameterCount
    #expect(
      try refusal { $0.removeLast() }
        == "FILE: the configuration needs \(count) parameters, the file has \(count - 13)")
    #expect(
      try refusal { $0.append((name: "x", shape: [2], values: [1, 2])) }
        == "FILE: the configuration needs \(count) parameters, the file has \(count + 2)")
    #expect(
      try refusal { $0.append((name: "x", shape: [0], values: [])) }
        == "FILE: there are tensors that the model has no parameter for: x")
    #expect(
      try refusal { $0[0].name = "x" }
        == "FILE: tensors are missing: \(firstName); "
        + "there are tensors that the model has no parameter for: x")
    #expect(
      try refusal { $0[0].shape.reverse() }
        == "FILE: tensor '\(firstName)' has shape [8, 13], the model expects [13, 8]")
    #expect(
      try refusal { $0[0].name = "optimizer.x" }
        == "FILE: tensors are missing: \(firstName); "
        + "there are tensors that the model has no parameter for: optimizer.x")
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func weightsThatAreNotFiniteAreRefused(value: Float) throws {
    #expect(
      try refusal { $0[0].values[5] = value }
        == "FILE: the tensor '\(firstName)' has a value that is not finite")
  }

  private let firstName = "token_embedding_table.weight"

  @Test func tensorsOfAnotherTypeAreRefused() throws {
    let bytes = String(decoding: model.encoded().encoded().prefix(20_000), as: UTF8.self)
    #expect(bytes.contains("F32"))
    try withTemporaryDirectory { directory in
      let path = directory + "/file"
      var bytes = withoutChecksums(model.encoded().encoded())
      let place = try #require(bytes.firstRange(of: Array(#""dtype":"F32""#.utf8)))
      bytes.replaceSubrange(place, with: Array(#""dtype":"I32""#.utf8))
      try AtomicFile.write(bytes, to: path)
      let error = #expect(throws: SafetensorsError.self) { try LanguageModel(contentsOf: path) }
      #expect(error?.description.contains("is of type I32, not F32") == true)
    }
  }

  /// An attempt to allocate memory for these sizes would end the process.
  @Test func hugeConfigurationsAreRefusedBeforeMemoryIsAskedFor() throws {
    let size = Configuration.largestSize
    let asked = try refusal(
      metadata: ["config": configuration { ($0.width, $0.logarithmic.heads) = (size, 1) }])
    #expect(asked.hasPrefix("FILE: the configuration needs "))
    #expect(
      try refusal(
        metadata: [
          "config": configuration {
            ($0.width, $0.logarithmic.heads, $0.logarithmic.banks) = (size, 1, size)
          }
        ]) == "FILE: the number of parameters for these sizes overflows")
    #expect(
      try refusal(metadata: ["config": configuration { $0.layers = .max }])
        == "FILE: layers is \(Int.max), it has to be from 1 to 4096")
    #expect(
      try refusal(
        metadata: [
          "config": model.network.configuration.json.replacing(
            "\"layers\":2", with: "\"layers\":1e99")
        ]
      ).hasPrefix("FILE: the configuration cannot be read: "))
  }

  @Test func missingFilesAndDirectoriesAreRefused() throws {
    try withTemporaryDirectory { directory in
      let missing = #expect(throws: (any Error).self) {
        try LanguageModel(contentsOf: directory + "/none")
      }
      #expect("\(missing!)" == "cannot open \(directory)/none: No such file or directory")
      let empty = #expect(throws: (any Error).self) { try LanguageModel(contentsOf: directory) }
      #expect(
        "\(empty!)" == "cannot open \(directory)/model.safetensors: No such file or directory")
    }
  }
}
