import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct TrainTests {
  private func train(
    _ flags: String..., in directory: String, file: String? = "text.txt", input: String = ""
  ) throws -> Command.Result {
    try Command(
      ["train"] + (file.map { [$0] } ?? []) + smallFlags + flags, in: directory, input: input
    ).finish()
  }

  @Test func trainedModelsCanBeUsed() throws {
    try withSmallFiles { directory in
      let trained = try train("--output", "some/run", "--steps", "30", in: directory)
      #expect(trained.status == 0)
      // Standard output is the sample; losses and other text are on standard error.
      #expect(trained.output.unicodeScalars.count == 401 && trained.output.hasSuffix("\n"))
      let lines = trained.errors.split(separator: "\n")
      #expect(lines.filter { $0.hasPrefix("step ") }.count == 3)
      #expect(lines.contains { $0.hasPrefix("step 30/30  loss ") && $0.contains("  validation ") })
      #expect(lines.last!.hasPrefix("validation loss "))
      #expect(!trained.errors.contains("\r") && !trained.errors.contains("\u{1B}"))
      #expect(names(in: directory + "/some/run") == runFiles)

      for model in ["some/run", "some/run/model.safetensors", "some/run/best.safetensors"] {
        let generated = try Command.run(
          "generate", "--model", model, "--prompt", "the ", "--tokens", "50", in: directory)
        #expect(generated.status == 0 && generated.errors.isEmpty)
        #expect(generated.output.unicodeScalars.count == 50)
        #expect(
          try Command.run("evaluate", "--model", model, "text.txt", in: directory).status == 0)
        #expect(try Command.run("info", "--model", model, in: directory).status == 0)
      }
    }
  }

  /// Samples of bytes, some of which end within a character.
  @Test func samplesEndWithTheBytesHeldBack() throws {
    try withSmallFiles { directory in
      var heldBack = ""
      for seed in 1...6 where heldBack.isEmpty {
        let trained = try train(
          "--output", "run\(seed)", "--steps", "1", "--tokenizer", "bytes", "--seed", "\(seed)",
          in: directory)
        var sampler = Sampler()
        sampler.temperature = 0.8
        var generation = Generation(
          try LanguageModel(contentsOf: "\(directory)/run\(seed)"), sampler: sampler,
          seed: UInt64(seed))
        try generation.read(Array("\n".utf8))
        let text = (0..<400).map { _ in generation.write() }.joined()
        heldBack = generation.finish()
        #expect(trained.output == text + heldBack + "\n")
      }
      #expect(!heldBack.isEmpty)
    }
  }

  @Test func settingsAreKept() throws {
    try withSmallFiles { directory in
      let trained = try train(
        "--output", "run", "--steps", "4", "--summarizer", "depthwiseSeparable", "--seed", "9",
        "--initialisation", "orthogonal", "--schedule", "constant", "--learning-rate", "0.02",
        "--clip", "0", "--weight-decay", "0.5", "--save-every", "2", "--activation", "gelu",
        "--optimizer", "muon",
        "--positions", "learned", "--maximum-length", "20", "--tied-head",
        "--dropout", "0.25", in: directory)
      #expect(trained.status == 0)
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/run/configuration.json")))
      #expect(kept.model.logarithmic.summarizer == .depthwiseSeparable && kept.model.width == 8)
      #expect(kept.model.activation == .gelu && kept.model.tiedHead && kept.model.dropout == 0.25)
      #expect(kept.model.positions == .learned && kept.model.maximumLength == 20)
      // The sample is limited by the learned positions, and begins with a given character.
      #expect(trained.output.unicodeScalars.count == 19 + 1)
      #expect(kept.initialisation == .orthogonal && kept.seed == 9 && kept.steps == 4)
      #expect(kept.schedule == .constant(rate: 0.02) && kept.gradientClipping == nil)
      #expect(kept.optimizer.weightDecay == 0.5 && kept.saveEvery == 2)
      #expect(kept.muon == MuonConstants())
    }
  }

  @Test func schedulesFollowTheFlags() throws {
    try withSmallFiles { directory in
      let trained = try train(
        "--output", "run", "--steps", "4", "--warm-up", "3", "--learning-rate", "0.02",
        in: directory)
      #expect(trained.status == 0)
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/run/configuration.json")))
      #expect(
        kept.schedule
          == .warmUpThenCosine(
            peak: 0.02, warmUpSteps: 3, totalSteps: 4, minimumFraction: 0.1))
    }
  }

  @Test func table1IsTheRecipe() throws {
    try withSmallFiles { directory in
      // Changed only where the run would take long.
      let trained = try Command.run(
        "train", "text.txt", "--preset", "table1", "--steps", "1", "--block-length", "16",
        "--evaluation-batches", "1", "--output", "run", in: directory)
      #expect(trained.status == 0)
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/run/configuration.json")))
      var recipe = TrainingConfiguration.table1(vocabularySize: kept.model.vocabularySize)
      (recipe.steps, recipe.blockLength, recipe.evaluationBatches) = (1, 16, 1)
      #expect(kept == recipe)
    }
  }

  @Test func standardInputIsATextToo() throws {
    try withSmallFiles { directory in
      let piped = try train(
        "--output", "piped", "--steps", "3", in: directory, file: "-", input: smallText)
      let read = try train("--output", "read", "--steps", "3", in: directory)
      #expect(piped.status == 0 && read.status == 0)
      #expect(piped.output == read.output)
      #expect(
        try AtomicFile.contents(of: directory + "/piped/model.safetensors")
          == AtomicFile.contents(of: directory + "/read/model.safetensors"))
    }
  }

  @Test func textsOfAnyBytesCanBeTrainedOn() throws {
    try withTemporaryDirectory { directory in
      try AtomicFile.write(
        (0..<1000).map { UInt8(truncatingIfNeeded: $0 * $0) }, to: directory + "/text.txt")
      let trained = try train(
        "--output", "run", "--steps", "2", "--tokenizer", "bytes", in: directory)
      #expect(trained.status == 0)
      #expect(trained.errors.contains("vocabulary of 256"))
    }
  }

  @Test func withoutAFileTheGrammarWrites() throws {
    try withTemporaryDirectory { directory in
      let trained = try train("--output", "run", "--steps", "2", "--json", in: directory, file: nil)
      #expect(trained.status == 0)
      let floor = Grammar.tales.entropyPerCharacter
      #expect(trained.errors.contains("entropy \(String(format: "%.4f", floor))"))
      #expect(trained.errors.contains("(floor \(String(format: "%.3f", floor)))"))
      let found = try #require(try trained.json()["floor"] as? Double)
      #expect(abs(found - floor) < 1e-9)
    }
  }

  @Test func reportIsJSON() throws {
    try withSmallFiles { directory in
      let report = try train("--output", "run", "--steps", "3", "--json", in: directory).json()
      #expect(
        Set(report.keys) == [
          "directory", "loss", "parameters", "sample", "seconds", "skipped_updates", "step",
          "validation_loss",
        ])
      #expect(report["step"] as? Int == 3)
      #expect(report["directory"] as? String == "run")
      #expect((report["sample"] as? String)?.count == 400)
    }
  }

  @Test func divergenceIsReported() throws {
    try withSmallFiles { directory in
      let trained = try train(
        "--output", "run", "--steps", "30", "--learning-rate", "1e30", "--schedule", "constant",
        in: directory)
      #expect(trained.status == 2)
      #expect(trained.output.isEmpty)
      #expect(
        trained.errors.hasSuffix(
          "Error: training diverged at step 6: 'loss' is not finite, 5 updates in a row were left "
            + "out; the last good weights are in run/training.safetensors\n"))
      #expect(trained.errors.contains("step 2: 'loss' is not finite, update skipped\n"))
    }
  }

  @Test func runsAreNotOverwritten() throws {
    try withSmallFiles { directory in
      #expect(try train("--output", "run", "--steps", "2", in: directory).status == 0)
      let before = try files(in: directory)
      let again = try train("--output", "run", "--steps", "2", in: directory)
      #expect(again.status == 2)
      #expect(
        again.errors == """
          Error: run holds a run already; continue it with --resume or choose another directory

          """)
      #expect(try files(in: directory) == before)
    }
  }
}
