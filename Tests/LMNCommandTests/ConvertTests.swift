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
