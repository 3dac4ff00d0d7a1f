import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct GenerateTests {
  private func generate(
    _ flags: String..., in directory: String, input: String = ""
  ) throws -> Command.Result {
    try Command(
      ["generate", "--model", "model.safetensors"] + flags, in: directory, input: input
    ).finish()
  }

  @Test func promptsComeFromFlagFileOrStandardInput() throws {
    try withSmallFiles { directory in
      try write("the cat", to: directory + "/prompt.txt")
      let results = [
        try generate("--prompt", "the cat", in: directory),
        try generate("--prompt-file", "prompt.txt", in: directory),
        try generate(in: directory, input: "the cat"),
      ]
      for result in results {
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(result.output.unicodeScalars.count == 200)
        #expect(result.output == results[0].output)
      }
      #expect(
        try generate("--prompt", "the", in: directory).output != results[0].output)
    }
  }

  @Test func samplingFollowsTheFlags() throws {
    try withSmallFiles { directory in
      func text(_ flags: String...) throws -> String {
        let result = try Command(
          ["generate", "--model", "model.safetensors", "--prompt", "a"] + flags, in: directory
        ).finish()
        #expect(result.status == 0)
        return result.output
      }
      let seeded = try text("--seed", "7")
      #expect(try text("--seed", "7") == seeded)
      #expect(try text("--seed", "8") != seeded)
      let likeliest = try text("--temperature", "0")
      #expect(try text("--temperature", "0", "--seed", "7") == likeliest)
      #expect(try text("--top-k", "1") == likeliest)
      #expect(try text("--top-p", "1e-9", "--seed", "3") == likeliest)
      #expect(try text("--seed", "7", "--top-p", "1", "--top-k", "999") == seeded)
      #expect(try text("--tokens", "0").isEmpty)
      #expect(try text("--seed", "7", "--tokens", "12") == String(seeded.prefix(12)))
    }
  }

  /// A state replaces a state, and no other file; no flag lets it replace an input.
  @Test func savedStatesDestroyNoFile() throws {
    try withSmallFiles { directory in
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/link", withDestinationPath: "model.safetensors")
      try FileManager.default.linkItem(
        atPath: directory + "/text.txt", toPath: directory + "/text-again.txt")
      try write("the cat", to: directory + "/prompt.txt")
      let before = try ["model.safetensors", "prompt.txt", "text.txt"].map {
        try AtomicFile.contents(of: "\(directory)/\($0)")
      }
      func save(_ output: String, _ flags: [String]) throws -> Command.Result {
        try Command(
          ["generate", "--model", "model.safetensors", "--tokens", "0", "--save-state", output]
            + flags, in: directory
        ).finish()
      }
      let prompt = ["--prompt", "the"]
      for (output, flags, sentence) in [
        (
          "model.safetensors", prompt + ["--overwrite"],
          "model.safetensors is read by this command, so it cannot be its output"
        ),
        (
          "link", prompt + ["--overwrite"],
          "link is the file model.safetensors, which this command reads, so it cannot be its output"
        ),
        (
          "prompt.txt", ["--prompt-file", "prompt.txt", "--overwrite"],
          "prompt.txt is read by this command, so it cannot be its output"
        ),
        (
          "text-again.txt", prompt,
          "text-again.txt exists and is no state of a session; --overwrite replaces it"
        ),
      ] {
        let result = try save(output, flags)
        #expect(result.status == 2 && result.errors == "Error: \(sentence)\n", "\(result.errors)")
      }
      let after = try ["model.safetensors", "prompt.txt", "text.txt"].map {
        try AtomicFile.contents(of: "\(directory)/\($0)")
      }
      #expect(after == before)
      for flags in [prompt, prompt, prompt + ["--overwrite"]] {
        #expect(try save("state", flags).status == 0)
      }
      #expect(try save("text-again.txt", prompt + ["--overwrite"]).status == 0)
      #expect(Generation.isState(directory + "/text-again.txt"))
      try expectRefusal(
        ["generate", "--model", "model.safetensors", "--prompt", "the", "--overwrite"],
        in: directory, status: 64, "--overwrite has no meaning without --save-state")
    }
  }

  /// For characters, and for bytes with a cut within a character.
  @Test(arguments: [nil, Tokenizer.bytes])
  func savedStatesGoOnExactly(tokenizer: Tokenizer?) throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/model.safetensors", tokenizer: tokenizer)
      let whole = try generate("--prompt", "the cat", "--tokens", "60", in: directory)
      var generation = Generation(try LanguageModel(contentsOf: directory), seed: 1)
      try generation.read(Array("the cat".utf8))
      let cut = 1 + ((0..<13).first { _ in generation.write().isEmpty } ?? 12)
      #expect((cut < 13) == (tokenizer == .bytes))
      let parts = [
        try generate(
          "--prompt", "the cat", "--tokens", "\(cut)", "--save-state", "state", in: directory),
        try generate(
          "--load-state", "state", "--tokens", "14", "--save-state", "state", in: directory),
        try generate("--load-state", "state", "--tokens", "\(46 - cut)", in: directory),
      ]
      #expect(parts.allSatisfy { $0.status == 0 && $0.errors.isEmpty })
      #expect(parts.map(\.output).joined() == whole.output)
    }
  }

  @Test func sessionsReadMoreThanOnePrompt() throws {
    try withSmallFiles { directory in
      #expect(
        try generate("--prompt", "the", "--tokens", "0", "--save-state", "state", in: directory)
          .status == 0)
      let before = try files(in: directory)
      let parts = try generate("--load-state", "state", "--prompt", " cat", in: directory)
      #expect(try files(in: directory) == before)
      let whole = try generate("--prompt", "the cat", in: directory)
      #expect(parts.output == whole.output)
      let reseeded = try generate(
        "--load-state", "state", "--prompt", " cat", "--seed", "5", in: directory)
      #expect(
        try generate("--prompt", "the cat", "--seed", "5", in: directory).output
          == reseeded.output)
    }
  }

  /// A reader that closes the pipe ends the command without an error.
  @Test func aClosedPipeIsNoError() throws {
    try withSmallFiles { directory in
      let result = try Command.run(
        "generate", "--model", "model.safetensors", "--prompt", "a", "--tokens", "100000",
        in: directory, wrapper: ["/bin/sh", "-c", #""$@" | head -c 5"#, "sh"])
      #expect(result.output.utf8.count == 5 && result.errors.isEmpty)
    }
  }
}
