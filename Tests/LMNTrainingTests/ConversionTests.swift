import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct ConversionTests {
  private static let goldens =
    #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Goldens"
  /// Eleven characters.
  private static let alphabet = "the cat sov.\n"

  private func settings(
    heads: Int? = nil, configuration: String? = nil, vocabulary: String? = nil
  ) -> LanguageModel.PyTorchSettings {
    var settings = LanguageModel.PyTorchSettings()
    (settings.heads, settings.configuration) = (heads, configuration)
    settings.vocabulary = vocabulary
    return settings
  }

  /// The network whose weights the state dictionaries hold.
  private func goldenNetwork() throws -> LanguageNetwork {
    try LanguageGolden(GoldenFile(Self.goldens + "/linear-12x3-L64.safetensors")).network
  }

  private func write(_ text: String, to path: String) throws {
    try AtomicFile.write(Array(text.utf8), to: path)
  }

  // MARK: - Files of PyTorch

  /// Names of a wrapped module, separate maps, float64 values, no metadata.
  @Test func wrappedStateDictsAreRead() throws {
    try withTemporaryDirectory { directory in
      try write(Self.alphabet, to: directory + "/text")
      let model = try LanguageModel(
        pyTorch: Self.goldens + "/statedicts/wrapped.safetensors",
        settings: settings(heads: 3, vocabulary: directory + "/text"))
      let golden = try goldenNetwork()
      #expect(model.network.configuration == golden.configuration)
      #expect(model.network.stateDictionary == golden.stateDictionary)
      #expect(model.tokenizer == (try .characters(of: Self.alphabet)))
    }
  }

  /// 16-bit values: bfloat16 with 8 bits of precision, float16 with 11.
  @Test func halvedStateDictsAreRead() throws {
    try withTemporaryDirectory { directory in
      try write(Self.alphabet, to: directory + "/text")
      let path = Self.goldens + "/statedicts/halved.safetensors"
      let model = try LanguageModel(
        pyTorch: path, settings: settings(vocabulary: directory + "/text"))
      let golden = try goldenNetwork()
      #expect(model.network.configuration == golden.configuration)
      let file = try Safetensors(contentsOf: path)
      let published = model.network.published(model.network.stateDictionary)
      let expected = golden.published(golden.stateDictionary)
      var types: Set<Safetensors.ElementType> = []
      for name in expected.names {
        let type = try #require(file[name]?.type)
        types.insert(type)
        let unit = type == .f16 ? 0x1p-11 : 0x1p-8
        for (found, value) in zip(published[name]!.scalars, expected[name]!.scalars) {
          // Subnormal float16 numbers have a spacing of 2⁻²⁴.
          let bound = max(unit * abs(Double(value)), type == .f16 ? 0x1p-25 : 0)
          #expect(abs(Double(found) - Double(value)) <= bound, "\(name)")
        }
      }
      #expect(types == [.f16, .bf16])
    }
  }

  // MARK: - Round trips

  private static let changes: [@Sendable (inout Configuration) -> Void] = [
    { _ in }, { ($0.logarithmic.banks, $0.logarithmic.heads) = (1, 1) },
    { ($0.feedForward, $0.layers) = (3, 1) },
    { ($0.positions, $0.maximumLength) = (.learned, 30) }, { $0.activation = .gelu },
    { $0.tiedHead = true }, { ($0.logarithmic.arity, $0.logarithmic.expand) = (3, 2) },
    { ($0.logarithmic.levelBias, $0.logarithmic.maximumLevels) = (true, 4) },
    { ($0.logarithmic.windowBias, $0.logarithmic.window) = (true, 3) },
  ]

  /// Round trips are bit-identical, also where sizes follow from shapes only.
  @Test(arguments: SummarizerKind.allCases, changes.indices)
  func modelsComeBackBitForBit(summarizer: SummarizerKind, change: Int) throws {
    for tokenizer in [try Tokenizer.characters(of: Self.alphabet), .bytes] {
      let model = try LanguageModel.small(
        tokenizer, summarizer: summarizer, configure: Self.changes[change])
      try withTemporaryDirectory { directory in
        for isSeparate in [false, true] {
          let path = "\(directory)/\(isSeparate)"
          try model.writePyTorch(to: path, separatingProjections: isSeparate)
          let found = try LanguageModel(pyTorch: path)
          #expect(found.encoded().encoded() == model.encoded().encoded())

          var bare = try Safetensors(contentsOf: path)
          let names = bare.entries.map(\.name)
          #expect(names.contains("blocks.0.sva.k.bias") == isSeparate)
          #expect(names.contains("blocks.0.qkv.bias") == !isSeparate)
          #expect(names.contains("lm_head.weight"))
          bare.metadata = [:]
          try bare.write(to: path)
          try write(Self.alphabet, to: directory + "/text")
          let configuration = model.network.configuration
          try write(
            #"{"activation": "\#(configuration.activation)", "tiedHead": \#(configuration.tiedHead)}"#,
            to: directory + "/config")
          let again = try LanguageModel(
            pyTorch: path,
            settings: settings(
              heads: configuration.logarithmic.heads, configuration: directory + "/config",
              vocabulary: tokenizer == .bytes ? nil : directory + "/text"))
          // With one bank, one group and one group per bank are the same.
          let isAmbiguous = summarizer == .convFull && configuration.logarithmic.banks == 1
          #expect(again.network.published == model.network.published)
          #expect(
            again.network.configuration.logarithmic.summarizer
              == (isAmbiguous ? .convGrouped : summarizer))
          if !isAmbiguous { #expect(again.encoded().encoded() == model.encoded().encoded()) }
        }
      }
    }
  }

  /// Models with other memories, hybrids and shared blocks: the file's metadata gives their
  /// settings.
  @Test(
    arguments: [
      ["linear"], ["mixtureOfMemories"], ["stateSpace"], ["slots"],
      ["attention", "logarithmic"],
    ], [nil, 2])
  func otherMemoriesComeBackBitForBit(kinds: [String], distinctLayers: Int?) throws {
    try withTemporaryDirectory { directory in
      try write(Self.alphabet, to: directory + "/text")
      let vocabulary = try Vocabulary(contentsOf: directory + "/text")
      var configuration = Configuration(vocabularySize: 11)
      (configuration.width, configuration.layers) = (8, distinctLayers == nil ? 2 : 6)
      configuration.distinctLayers = distinctLayers
      configuration.memoryKinds = kinds
      var source = ParameterSource(seed: 1)
      let model = LanguageModel(
        network: try LanguageNetwork(configuration, using: &source),
        tokenizer: .characters(vocabulary))
      try model.writePyTorch(to: directory + "/dict")
      let back = try LanguageModel(pyTorch: directory + "/dict")
      #expect(back.network.configuration == configuration)
      #expect(back.network.stateDictionary == model.network.stateDictionary)
    }
  }

  @Test func separateMapsAreTheThirdsOfTheOne() throws {
    let model = try LanguageModel.small(.bytes)
    let fused = model.network.published(model.network.stateDictionary)
    let separate = fused.separatingProjections()
    #expect(separate.fusingProjections() == fused)
    for kind in ["weight", "bias"] {
      let whole = try #require(fused["blocks.1.qkv.\(kind)"])
      let parts = try ["q", "k", "v"].map { try #require(separate["blocks.1.sva.\($0).\(kind)"]) }
      #expect(parts.flatMap(\.scalars) == whole.scalars)
      #expect(parts.map(\.shape) == Array(repeating: kind == "bias" ? [8] : [8, 8], count: 3))
    }
    #expect(separate.names.count == fused.names.count + 2 * 2 * 2)
  }

  @Test func whatIsThereIsNotOverwritten() throws {
    let model = try LanguageModel.small(.bytes)
    try withTemporaryDirectory { directory in
      let path = directory + "/there"
      try write("precious", to: path)
      #expect(throws: ConversionError.occupied(path: path)) { try model.writePyTorch(to: path) }
      #expect(try AtomicFile.contents(of: path) == Array("precious".utf8))
      let run = RunDirectory(directory + "/run")
      try run.begin(with: model)
      #expect(names(in: run.path) == ["model.safetensors"])
      let before = try files(in: directory)
      #expect(throws: TrainingError.occupied(directory: run.path)) {
        try run.begin(with: .small(.bytes, seed: 2))
      }
      #expect(try files(in: directory) == before)
    }
  }

  // MARK: - Errors

  /// The error of reading a state dict with changed tensors.
  private func refusal(
    _ settings: LanguageModel.PyTorchSettings? = nil, metadata: [String: String] = [:],
    _ change: (inout [(name: String, shape: [Int])]) -> Void = { _ in }
  ) throws -> any Error {
    let model = try LanguageModel.small(.bytes)
    var layout = model.network.published(model.network.stateDictionary).layout
    change(&layout)
    var file = Safetensors(metadata: metadata)
    for (name, shape) in layout {
      file.append(name, shape: shape, floats: .init(repeating: 0, count: shape.reduce(1, *)))
    }
    return try withTemporaryDirectory { directory in
      try file.write(to: directory + "/file")
      let error = #expect(throws: (any Error).self) {
        try LanguageModel(
          pyTorch: directory + "/file", settings: settings ?? self.settings(heads: 2))
      }
      return try #require(error)
    }
  }

  @Test func weightsThatAreNotFiniteAreRefused() throws {
    let model = try LanguageModel.small(.bytes)
    let weights = model.network.published(model.network.stateDictionary)
    var file = Safetensors(metadata: [:])
    for (name, tensor) in zip(weights.names, weights.tensors) {
      let isChanged = name == "blocks.1.qkv.bias"
      file.append(
        name, shape: tensor.shape,
        floats: isChanged ? [.nan] + tensor.scalars.dropFirst() : tensor.scalars)
    }
    try withTemporaryDirectory { directory in
      try file.write(to: directory + "/file")
      let error = #expect(throws: CheckpointError.self) {
        try LanguageModel(pyTorch: directory + "/file", settings: settings(heads: 2))
      }
      #expect(
        error?.description
          == "\(directory)/file: the tensor 'blocks.1.qkv.bias' has a value that is not finite")
    }
  }

  private func misfit(
    _ change: (inout [(name: String, shape: [Int])]) -> Void
  ) throws -> StateDictionaryError? {
    guard case ConversionError.misfit(_, let error) = try refusal(nil, change) else { return nil }
    return error
  }

  @Test func allThatDoesNotFitIsNamedAtOnce() throws {
    let error = try misfit { layout in
      layout.removeAll { $0.name == "ln_f.bias" || $0.name == "blocks.1.norm2.weight" }
      layout += [("blocks.0.mask", [4, 4]), ("wte.weight", [2])]
      for index in layout.indices where layout[index].name == "lm_head.weight" {
        layout[index].shape = [8, 256]
      }
      for index in layout.indices where layout[index].name == "blocks.1.qkv.bias" {
        layout[index].shape = [16]
      }
    }
    #expect(
      error
        == StateDictionaryError(
          missing: ["blocks.1.norm2.weight", "ln_f.bias"],
          unexpected: ["blocks.0.mask", "wte.weight"],
          misshapen: [
            .init(name: "blocks.1.qkv.bias", expected: [24], found: [16]),
            .init(name: "lm_head.weight", expected: [256, 8], found: [8, 256]),
          ]))
    #expect(error?.findings.count == 6)
  }

  /// Separate maps in one block and fused ones in another, and a prefix that some names lack.
  @Test func mixedNamesAreNamed() throws {
    let mixed = try misfit { layout in
      layout.removeAll { $0.name == "blocks.0.qkv.bias" }
      layout += ["q", "v"].map { ("blocks.0.sva.\($0).bias", [8]) }
    }
    #expect(
      mixed?.missing.filter { $0.hasSuffix("bias") } == [
        "blocks.0.sva.k.bias", "blocks.1.sva.q.bias", "blocks.1.sva.k.bias", "blocks.1.sva.v.bias",
      ])
    #expect(mixed?.unexpected.contains("blocks.1.qkv.bias") == true)
    let prefixed = try misfit { layout in
      for index in layout.indices.dropFirst(2) {
        layout[index].name = "module." + layout[index].name
      }
      layout.insert(("blocks.1.norm1.weight", [8]), at: 0)
    }
    #expect(prefixed == nil)
    let extended = try misfit {
      $0 = $0.map { ("module." + $0.name, $0.shape) } + [("step", [1])]
    }
    #expect(extended == StateDictionaryError(unexpected: ["step"]))
  }

  @Test func whatNothingTellsIsAskedFor() throws {
    #expect(
      "\(try refusal(settings()))".hasSuffix(
        "heads cannot be inferred from its tensors; give --heads or --config"))
    #expect("\(try refusal(settings(heads: 3)))".hasSuffix("3 heads do not divide a width of 8"))
    #expect(
      "\(try refusal(metadata: ["config": "[]"]))"
        .contains("/file: the configuration cannot be read: it is no JSON object"))
    #expect(
      "\(try refusal(metadata: ["config": #"{"colour": 1}"#]))"
        .hasSuffix("unknown keys in the configuration: colour"))
    #expect(
      "\(try refusal(metadata: ["config": #"{"width": 16777216}"#]))".contains(
        " parameters, the file has "))
    #expect(
      "\(try refusal(metadata: ["tokenizer": "characters:ab"]))"
        .hasSuffix("its vocabulary has 2 tokens, the network has 256"))
    let smaller = try refusal { layout in
      for index in layout.indices where layout[index].shape.first == 256 {
        layout[index].shape[0] = 65
      }
    }
    guard case ConversionError.noVocabulary(_, 65) = smaller else {
      Issue.record("\(smaller)")
      return
    }
    #expect("\(smaller)".hasSuffix("give a text with exactly these characters by --vocabulary"))
  }

  // MARK: - Numbers

  /// A file of one tensor.
  private func file(_ type: String, _ bytes: [UInt8], count: Int) throws -> Safetensors {
    let header =
      #"{"x":{"dtype":"\#(type)","shape":[\#(count)],"data_offsets":[0,\#(bytes.count)]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) }
    return try Safetensors(decoding: length + Array(header.utf8) + bytes, file: "f")
  }

  @Test func sixteenBitsAreExact() throws {
    let patterns = (0...UInt16.max).map { $0 }
    let bytes = patterns.withUnsafeBytes { Array($0) }
    let upper = try file("BF16", bytes, count: patterns.count).roundedFloats("x").values
    #expect(upper.map(\.bitPattern) == patterns.map { UInt32($0) << 16 })
    let half = try file("F16", bytes, count: patterns.count).roundedFloats("x").values
    #expect(half[0x3C00] == 1 && half[0xC000] == -2 && half[0x7BFF] == 65504)
    #expect(half[1] == 0x1p-24 && half[0x03FF] == 1023 * 0x1p-24 && half[0x0400] == 0x1p-14)
    #expect(half[0x7C00] == .infinity && half[0x7E00].isNaN && half[0x8000].sign == .minus)
    #if !(os(macOS) && arch(x86_64))
      for (pattern, found) in zip(patterns, half) {
        let expected = Float(Float16(bitPattern: pattern))
        #expect(found.bitPattern == expected.bitPattern || found.isNaN && expected.isNaN)
      }
    #endif
  }

  @Test func doublesAreRoundedUnlessTheyOverflow() throws {
    func rounded(_ values: [Double]) throws -> [Float] {
      let bytes = values.withUnsafeBytes { Array($0) }
      return try file("F64", bytes, count: values.count).roundedFloats("x").values
    }
    let fine = [0, -0.0, 1 / 3, .infinity, 1e-60, Double(Float.greatestFiniteMagnitude)]
    #expect(try rounded(fine) == [0, 0, 1 / 3, .infinity, 0, .greatestFiniteMagnitude])
    let error = #expect(throws: SafetensorsError.self) { try rounded([1, -1e39, 1e300]) }
    #expect(error?.description == "f: tensor 'x' holds -1e+39, which exceeds the range of float32")
    #expect(throws: SafetensorsError.self) {
      try file("I64", Array(1...8), count: 1).roundedFloats("x")
    }
  }
}

extension LanguageNetwork {
  fileprivate var published: StateDictionary { published(stateDictionary) }
}
