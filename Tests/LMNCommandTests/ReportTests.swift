import Foundation
import LMN
import LMNTestSupport
import Testing

/// `lmn evaluate` and `lmn info`.
@Suite struct ReportTests {
  private func evaluation(
    of tokens: [Token], by evaluator: Evaluator
  ) throws -> Evaluation {
    var evaluator = evaluator
    try evaluator.read(tokens)
    let found = evaluator.finish()
    return try #require(found)
  }

  @Test func evaluateMeasuresStreamAndBlocks() throws {
    try withSmallFiles { directory in
      let result = try Command.run(
        "evaluate", "--model", "model.safetensors", "text.txt", "--block-length", "32",
        in: directory)
      #expect(result.status == 0 && result.errors.isEmpty)
      let lines = result.output.split(separator: "\n")
      #expect(lines.map { $0.prefix { $0 != ":" } } == ["one stream", "blocks of 32"])
      let measures = /loss [\d.]+ nats per token, perplexity [\d.]+, [\d.]+ bits per byte/
      for line in lines {
        #expect(line.contains(measures))
        #expect(line.hasSuffix(" (\(smallText.utf8.count - 1) tokens)"))
      }
    }
  }

  /// Standard input is read from its place, where it is a file, too.
  @Test func evaluateReadsTheRestOfStandardInput() throws {
    try withSmallFiles { directory in
      let lines = "the first line\n" + smallText
      try write(lines, to: directory + "/lines.txt")
      let rest = try Command(
        ["evaluate", "--model", "model.safetensors", "-", "--json"], in: directory,
        wrapper: ["/bin/sh", "-c", "{ read -r line; exec \"$@\"; } < lines.txt", "sh"]
      ).finish()
      let expected = try Command.run(
        "evaluate", "--model", "model.safetensors", "text.txt", "--json", in: directory)
      #expect(rest.status == 0 && rest.output == expected.output, "\(rest.errors)")
    }
  }

  @Test func evaluateReportsAsJSON() throws {
    try withSmallFiles { directory in
      let named = try Command.run(
        "evaluate", "--model", "model.safetensors", "text.txt", "--json", in: directory)
      let piped = try Command.run(
        "evaluate", "--model", "model.safetensors", "-", "--json", in: directory, input: smallText)
      #expect(named.status == 0 && piped.output == named.output)
      let report = try named.json()
      #expect(Set(report.keys) == ["blocks", "streaming"])
      let model = try LanguageModel(contentsOf: directory + "/model.safetensors")
      let tokens = try model.tokenizer.encode(Array(smallText.utf8))
      for (key, expected) in [
        ("streaming", try evaluation(of: tokens, by: Evaluator(model, .streaming))),
        ("blocks", try evaluation(of: tokens, by: Evaluator(model, .blocks(length: 512)))),
      ] {
        let found = try #require(report[key] as? [String: Any])
        #expect(Set(found.keys) == ["bits_per_byte", "bytes", "loss", "perplexity", "tokens"])
        #expect(found["tokens"] as? Int == expected.tokens)
        #expect(found["bytes"] as? Int == expected.bytes)
        let loss = try #require(found["loss"] as? Double)
        #expect(abs(loss - expected.loss) <= 1e-6 * expected.loss)
      }
    }
  }

  @Test func infoDescribesTheProgram() throws {
    let result = try Command.run("info", "--threads", "3")
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.hasPrefix("version          \(lmnVersion)\ninstruction set  "))
    #expect(result.output.contains("\nthreads          3\nBLAS             "))
    let report = try Command.run("info", "--json").json()
    #expect(
      Set(report.keys) == [
        "available_instruction_sets", "blas", "instruction_set", "threads", "version",
      ])
    #expect(
      report["available_instruction_sets"] as? [String] == InstructionSet.available.map(\.name))
  }

  @Test func anEmptyInstructionSetIsNone() throws {
    let report = try Command.run("info", "--json", environment: ["LMN_ISA": ""]).json()
    #expect(report["instruction_set"] as? String == InstructionSet.available[0].name)
  }

  #if os(Linux)
    /// By default there is a thread per processor of the affinity mask.
    @Test func threadsFollowTheAffinity() throws {
      let result = try Command(
        ["info"], in: "/tmp", environment: ["OMP_NUM_THREADS": ""],
        wrapper: ["/usr/bin/taskset", "-c", "0"]
      ).finish()
      #expect(result.output.contains("\nthreads          1\n"), "\(result.output)")
    }
  #endif

  @Test func infoDescribesAModel() throws {
    try withSmallFiles { directory in
      let report = try Command.run(
        "info", "--model", "model.safetensors", "--json", in: directory
      ).json()
      let model = try #require(report["model"] as? [String: Any])
      let network = try LanguageModel(contentsOf: directory + "/model.safetensors").network
      #expect(model["parameters"] as? Int == network.parameterCount)
      #expect((model["configuration"] as? [String: Any])?["width"] as? Int == 8)
      #expect(
        model["state_bytes"] as? [String: Int] == [
          "1k": network.stateByteCount(at: 1000), "1M": network.stateByteCount(at: 1_000_000),
          "1G": network.stateByteCount(at: 1_000_000_000),
        ])
      let text = try Command.run("info", "--model", "model.safetensors", in: directory).output
      #expect(text.contains("\nparameters       \(network.parameterCount)\n"))
      #expect(text.contains(" bytes per stream\n"))
    }
  }

  @Test(arguments: InstructionSet.available)
  func environmentChoosesTheKernels(_ instructionSet: InstructionSet) throws {
    let environment = ["LMN_ISA": instructionSet.name]
    let report = try Command.run("info", "--json", environment: environment).json()
    #expect(report["instruction_set"] as? String == instructionSet.name)
    try withSmallFiles { directory in
      let generated = try Command.run(
        "generate", "--model", "model.safetensors", "--prompt", "the", in: directory,
        environment: environment)
      #expect(generated.status == 0)
    }
  }

  @Test(arguments: ["nonsense", "AVX2", " "])
  func unknownKernelsAreRefused(name: String) throws {
    try withSmallFiles { directory in
      for arguments in [
        ["info"], ["generate", "--model", "model.safetensors", "--prompt", "a"],
        ["evaluate", "--model", "model.safetensors", "text.txt"],
        ["train", "text.txt", "--output", "run"], ["verify", "x"], ["benchmark"],
      ] {
        let result = try Command(arguments, in: directory, environment: ["LMN_ISA": name]).finish()
        #expect(result.status == 2 && result.output.isEmpty)
        let available = InstructionSet.available.map(\.name).joined(separator: ", ")
        #expect(result.errors == "Error: LMN_ISA is '\(name)', this processor has \(available)\n")
      }
      #expect(names(in: directory) == ["model.safetensors", "text.txt"])
    }
  }
}
