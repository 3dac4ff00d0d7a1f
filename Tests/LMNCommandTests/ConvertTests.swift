import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct ConvertTests {
  private func convert(_ arguments: String..., in directory: String) throws -> Command.Result {
    try Command(["convert"] + arguments, in: directory).finish()
  }

  /// The small model as a state dict of the published code.
  private func stateDict(in directory: String) throws -> Safetensors {
    let path = directory + "/published"
    try LanguageModel(contentsOf: directory).writePyTorch(to: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Safetensors(contentsOf: path)
  }

  @Test func modelsGoThereAndComeBack() throws {
    try withSmallFiles { directory in
      for flags in [[], ["--separate"]] {
        let there = try Command(
          ["convert", "--to-pytorch", "model.safetensors", "--output", "dict"] + flags,
          in: directory
        ).finish()
        #expect(there.status == 0 && there.output.isEmpty)
        #expect(there.errors.hasPrefix("dict: "))
        #expect(try convert("dict", "--output", "back", in: directory).status == 0)
        #expect(names(in: directory + "/back") == ["model.safetensors"])
        #expect(
          try AtomicFile.contents(of: directory + "/back/model.safetensors")
            == AtomicFile.contents(of: directory + "/model.safetensors"))
        let written = try Command.run(
          "generate", "--model", "back", "--prompt", "the", in: directory)
        #expect(written.status == 0 && written.output.count == 200)
        for name in ["dict", "back"] {
          try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
      }
    }
  }

  /// A state dict without metadata needs a flag for each size that does not follow from shapes.
  @Test func weightsAloneNeedHeadsAndVocabulary() throws {
    try withSmallFiles { directory in
      var file = try stateDict(in: directory)
      file.metadata = [:]
      try file.write(to: directory + "/dict")
      try write(#"{"heads": 2}"#, to: directory + "/config.json")
      let before = try files(in: directory)
      for (flags, sentence) in [
        ([], "dict: heads cannot be inferred from its tensors; give --heads or --config"),
        (
          ["--heads", "2"],
          "dict: the characters of its 15 tokens are unknown; give a text with exactly these "
            + "characters by --vocabulary"
        ),
        (
          ["--heads", "2", "--vocabulary", "config.json"],
          "config.json: its vocabulary has 11 tokens, the network has 15"
        ),
        (["--config", "text.txt"], "text.txt: the configuration cannot be read"),
        (["--config", "none"], "cannot open none: No such file or directory"),
      ] {
        let result = try Command(["convert", "dict", "--output", "out"] + flags, in: directory)
          .finish()
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.errors.hasPrefix("Error: \(sentence)"), "\(result.errors)")
        #expect(try files(in: directory) == before)
      }
      for flags in [["--heads", "2"], ["--config", "config.json"]] {
        let result = try Command(
          ["convert", "dict", "--output", "out", "--vocabulary", "text.txt"] + flags,
          in: directory
        ).finish()
        #expect(result.status == 0)
        #expect(
          try AtomicFile.contents(of: directory + "/out/model.safetensors")
            == AtomicFile.contents(of: directory + "/model.safetensors"))
        try FileManager.default.removeItem(atPath: directory + "/out")
      }
    }
  }

  /// A prefix of all names, or of all but some, is left out and reported.
  @Test(arguments: ["net.", "transformer.", "module.", "_orig_mod.module.", "model."])
  func prefixesAreLeftOut(prefix: String) throws {
    try withSmallFiles { directory in
      let file = try stateDict(in: directory)
      for bare in ["", "lm_head."] {
        var prefixed = Safetensors(metadata: file.metadata)
        for entry in file.entries {
          let (shape, values) = try file.floats(entry.name)
          let isBare = !bare.isEmpty && entry.name.hasPrefix(bare)
          prefixed.append((isBare ? "" : prefix) + entry.name, shape: shape, floats: values)
        }
        try prefixed.write(to: directory + "/dict")
        let result = try convert("dict", "--output", "out", in: directory)
        #expect(result.status == 0, "\(result.errors)")
        #expect(
          result.errors.hasPrefix("dict: names are read without their prefix '\(prefix)'\n"))
        #expect(
          try AtomicFile.contents(of: directory + "/out/model.safetensors")
            == AtomicFile.contents(of: directory + "/model.safetensors"))
        try FileManager.default.removeItem(atPath: directory + "/out")
      }
    }
  }

  @Test func severalModelsInOneFileAreRefused() throws {
    try withSmallFiles { directory in
      let file = try stateDict(in: directory)
      var both = Safetensors(metadata: file.metadata)
      for entry in file.entries {
        let (shape, values) = try file.floats(entry.name)
        for prefix in ["ema.", "net."] {
          both.append(prefix + entry.name, shape: shape, floats: values)
        }
      }
      try both.write(to: directory + "/dict")
      try expectRefusal(
        ["convert", "dict", "--output", "out"], in: directory,
        "dict: it holds several models, under the prefixes 'ema.' and 'net.'; save one of them")
    }
  }

  /// A tied head is in the file under one name, with the other in the metadata or not at all.
  @Test(arguments: ["lm_head.weight", "token_embedding_table.weight", ""])
  func tiedHeadsMayBeSavedOnce(alias: String) throws {
    try withTemporaryDirectory { directory in
      try writeSmallModel(to: directory + "/model.safetensors") { $0.tiedHead = true }
      try write(smallText, to: directory + "/text.txt")
      let file = try stateDict(in: directory)
      let names = ["lm_head.weight", "token_embedding_table.weight"]
      let left = alias.isEmpty ? names[0] : alias
      let other = names.first { $0 != left }!
      var once = Safetensors(metadata: alias.isEmpty ? [:] : [alias: other])
      for entry in file.entries where entry.name != left {
        let (shape, values) = try file.floats(entry.name)
        once.append("net." + entry.name, shape: shape, floats: values)
      }
      if !alias.isEmpty { once.metadata = ["net." + alias: "net." + other] }
      try once.write(to: directory + "/dict")
      let result = try convert(
        "dict", "--output", "out", "--heads", "2", "--vocabulary", "text.txt", in: directory)
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.errors.contains("dict: the weight of the head is the embedding table, saved once\n"))
      let model = try LanguageModel(contentsOf: directory + "/out")
      let expected = try LanguageModel(contentsOf: directory + "/model.safetensors")
      #expect(model.network.configuration == expected.network.configuration)
      #expect(model.network.stateDictionary == expected.network.stateDictionary)
    }
  }

  /// What is wrong in the file of --config is said of that file.
  @Test(arguments: [
    (#"{"heads": 3}"#, "3 heads do not divide a width of 8"),
    (#"{"heads": 2, "dropout": 2}"#, "dropout is 2.0, it has to be from 0 to below 1"),
    (
      #"{"heads": 2, "width": 16}"#,
      "width is 16, but the tensors of dict have the shapes of width 8"
    ),
    (
      #"{"heads": 2, "layers": 3}"#,
      "layers is 3, but the tensors of dict have the shapes of layers 2"
    ),
    (#"{"heads": 2, "colour": 3}"#, "unknown keys in the configuration: colour"),
  ])
  func faultsOfTheConfigurationFileNameIt(json: String, sentence: String) throws {
    try withSmallFiles { directory in
      var file = try stateDict(in: directory)
      file.metadata = [:]
      try file.write(to: directory + "/dict")
      try write(json, to: directory + "/config.json")
      let flags = ["--vocabulary", "text.txt", "--config", "config.json"]
      try expectRefusal(
        ["convert", "dict", "--output", "out"] + flags, in: directory,
        "Error: config.json: \(sentence)")
    }
  }

  @Test func faultsOfFlagsNameThem() throws {
    try withSmallFiles { directory in
      var file = try stateDict(in: directory)
      file.metadata = [:]
      try file.write(to: directory + "/dict")
      try expectRefusal(
        ["convert", "dict", "--output", "out", "--heads", "0"], in: directory,
        "Error: dict: --heads is 0, it has to be from 1 to")
    }
  }

  @Test func allThatDoesNotFitIsListed() throws {
    try withSmallFiles { directory in
      let file = try stateDict(in: directory)
      var changed = Safetensors(metadata: file.metadata)
      for entry in file.entries where entry.name != "ln_f.bias" {
        let (shape, values) = try file.floats(entry.name)
        let name = entry.name == "lm_head.bias" ? "lm_head.\u{1B}[2J" : entry.name
        changed.append(
          name, shape: entry.name == "ln_f.weight" ? shape + [1] : shape, floats: values)
      }
      for number in 0..<100 { changed.append("buffer.\(number)", shape: [0], floats: []) }
      try changed.write(to: directory + "/dict")
      let before = try files(in: directory)
      let result = try convert("dict", "--output", "out", in: directory)
      #expect(result.status == 2 && result.output.isEmpty)
      let lines = result.errors.split(separator: "\n")
      #expect(lines.count == 2 + 101 + 1 && lines.allSatisfy { $0.hasPrefix("Error: dict: ") })
      for finding in [
        "there is no tensor 'ln_f.bias'", "there is no tensor 'lm_head.bias'",
        "the model has no parameter for tensor 'lm_head. [2J'",
        "the model has no parameter for tensor 'buffer.99'",
        "tensor 'ln_f.weight' has shape [8, 1], the model expects [8]",
      ] {
        #expect(lines.contains { $0 == "Error: dict: \(finding)" }, "\(finding)")
      }
      #expect(try files(in: directory) == before)
    }
  }

  @Test func nothingIsOverwritten() throws {
    try withSmallFiles { directory in
      #expect(
        try convert("--to-pytorch", ".", "--output", "dict", in: directory).status == 0)
      let before = try files(in: directory)
      for (arguments, sentence) in [
        (["--to-pytorch", ".", "--output", "dict"], "dict exists already; choose another name"),
        (["dict", "--output", "."], ". holds a run already"),
        (
          ["dict", "--output", "text.txt"],
          "cannot replace text.txt/model.safetensors: Not a directory"
        ),
      ] {
        let result = try Command(["convert"] + arguments, in: directory).finish()
        #expect(result.status == 2 && result.errors.hasPrefix("Error: \(sentence)"))
        #expect(try files(in: directory) == before)
      }
    }
  }

  @Test(arguments: [
    (["--output", ""], "--output is empty"),
    (["--output", "x", "--separate"], "--separate needs --to-pytorch"),
    (
      ["--output", "x", "--to-pytorch", "--heads", "2"], "--heads, --config and --vocabulary do not"
    ),
    ([], "Missing expected argument '--output"),
  ])
  func wrongUsageIsRefused(flags: [String], sentence: String) throws {
    let result = try Command(["convert", "model.safetensors"] + flags, in: "/tmp").finish()
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains(sentence))
  }
}
