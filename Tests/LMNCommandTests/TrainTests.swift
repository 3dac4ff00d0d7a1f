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

  private static let runFiles = [
    "best.safetensors", "configuration.json", "log.jsonl", "model.safetensors",
    "training.safetensors",
  ]

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
      #expect(names(in: directory + "/some/run") == Self.runFiles)

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

  // MARK: - Resuming

  /// Model file of an uninterrupted run.
  private func uninterrupted(_ flags: [String], in directory: String) throws -> [UInt8] {
    let trained = try Command(
      ["train", "text.txt", "--output", "whole"] + flags, in: directory
    ).finish()
    #expect(trained.status == 0)
    return try AtomicFile.contents(of: directory + "/whole/model.safetensors")
  }

  private static let longRun =
    smallFlags + ["--steps", "250", "--log-every", "1", "--save-every", "7"]

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
  func stoppedRunsGoOnExactly(signal: Int32) throws {
    try withSmallFiles { directory in
      let expected = try uninterrupted(Self.longRun, in: directory)
      let command = try Command(
        ["train", "text.txt", "--output", "run"] + Self.longRun, in: directory)
      try command.waitForLine("step 20/")
      command.send(signal)
      let stopped = try command.finish()
      #expect(!stopped.wasKilled && stopped.status == 128 + signal)
      #expect(stopped.output.isEmpty)
      #expect(stopped.errors.contains("stopping; once more to end at once without saving\n"))
      let last = try #require(stopped.errors.split(separator: "\n").last)
      let step = try #require(
        try /stopped and saved at step (\d+); --resume continues/.wholeMatch(in: last)?.1)
      #expect(try 20..<250 ~= #require(Int(step)))
      #expect(names(in: directory + "/run").contains("model.safetensors"))

      let resumed = try Command.run(
        "train", "text.txt", "--output", "run", "--resume", "--threads", "1", in: directory)
      #expect(resumed.status == 0)
      #expect(resumed.errors.hasPrefix("continuing run at step \(step)\n"))
      #expect(try AtomicFile.contents(of: directory + "/run/model.safetensors") == expected)
    }
  }

  /// A hang-up that a parent process ignores, such as nohup, does not stop the run.
  @Test func ignoredSignalsStayIgnored() throws {
    try withSmallFiles { directory in
      let command = try Command(
        ["train", "text.txt", "--output", "run"] + Self.longRun, in: directory,
        wrapper: ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
      try command.waitForLine("step 20/")
      command.send(SIGHUP)
      #expect(try command.finish().status == 0)
    }
  }

  /// While a run goes on, its directory is refused; what a killed run has left incomplete goes.
  @Test func directoriesAreForOneProcess() throws {
    try withSmallFiles { directory in
      let flags = ["train", "text.txt", "--output", "run"] + Self.longRun
      let command = try Command(flags, in: directory)
      try command.waitForLine("step 20/")
      for (more, sentence) in [
        (["--resume"], "Error: another process is training in run\n"),
        ([], "Error: run holds a run already"),
      ] {
        let refused = try Command(flags + more, in: directory).finish()
        #expect(refused.status == 2 && refused.errors.contains(sentence), "\(refused.errors)")
      }
      command.send(SIGKILL)
      _ = try command.finish()
      try write("part", to: directory + "/run/.lmn-1a2b.partial")
      #expect(try Command(flags + ["--resume"], in: directory).finish().status == 0)
      #expect(names(in: directory + "/run") == Self.runFiles)
    }
  }

  @Test func killedRunsGoOnExactly() throws {
    try withSmallFiles { directory in
      let expected = try uninterrupted(Self.longRun, in: directory)
      let command = try Command(
        ["train", "text.txt", "--output", "run"] + Self.longRun, in: directory)
      try command.waitForLine("step 30/")
      command.send(SIGKILL)
      let killed = try command.finish()
      #expect(killed.wasKilled && killed.status == SIGKILL)

      let resumed = try Command(
        ["train", "text.txt", "--output", "run", "--resume"] + Self.longRun, in: directory
      ).finish()
      #expect(resumed.status == 0)
      let step = try #require(
        try /continuing run at step (\d+)\n/.prefixMatch(in: resumed.errors)?.1)
      #expect(try #require(Int(step)).isMultiple(of: 7))
      #expect(try AtomicFile.contents(of: directory + "/run/model.safetensors") == expected)
    }
  }

  /// Runs with carried state, interrupted and uninterrupted; a resume needs no flag for it.
  @Test(arguments: [[], ["--carry"], ["--carry", "--horizon", "2"]], [[], ["--replay"]])
  func carryingRunsGoOnExactly(flags: [String], replay: [String]) throws {
    try withSmallFiles { directory in
      let carrying =
        ["--carry", "--horizon", "2"] + replay
        + ["--pinned", "2", "--schedule", "constant", "--steps"]
      for (run, steps) in [("whole", "12"), ("run", "5")] {
        let trained = try Command(
          ["train", "text.txt", "--output", run] + smallFlags + carrying + [steps],
          in: directory
        ).finish()
        #expect(trained.status == 0)
      }
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/run/configuration.json")))
      #expect(kept.carry == Carry(horizon: 2, replay: !replay.isEmpty))
      let resumed = try Command(
        ["train", "text.txt", "--output", "run", "--resume", "--steps", "12"] + flags, in: directory
      ).finish()
      #expect(resumed.status == 0)
      #expect(resumed.errors.hasPrefix("continuing run at step 5\n"))
      let other = try Command.run(
        "train", "text.txt", "--output", "run", "--resume", "--carry", "--horizon", "3",
        in: directory)
      #expect(other.errors == "Error: --horizon is 3, but the run to continue has 2\n")
      #expect(
        try AtomicFile.contents(of: directory + "/run/model.safetensors")
          == AtomicFile.contents(of: directory + "/whole/model.safetensors"))
      #expect(
        try Command.run("evaluate", "--model", "run", "text.txt", in: directory).status == 0)
    }
  }

  @Test func finishedRunsGoOnWithMoreSteps() throws {
    try withSmallFiles { directory in
      #expect(try train("--output", "run", "--steps", "5", in: directory).status == 0)
      let finished = try train("--output", "run", "--resume", in: directory)
      #expect(finished.status == 2)
      #expect(finished.errors == "Error: the run has taken its 5 steps; give more by --steps\n")
      let resumed = try train("--output", "run", "--resume", "--steps", "8", in: directory)
      #expect(resumed.status == 0)
      #expect(resumed.errors.contains("step 8/8"))
    }
  }

  /// The schedule of a run is fixed; a resume with another number of steps says what that means.
  @Test func otherNumbersOfStepsThanTheSchedulesAreNoted() throws {
    try withSmallFiles { directory in
      let flags = ["--output", "run", "--learning-rate", "0.01", "--warm-up", "0"]
      let begun = try Command(
        ["train", "text.txt", "--steps", "10"] + smallFlags + flags, in: directory
      ).finish()
      #expect(begun.status == 0 && !begun.errors.contains("schedule"))
      let longer = try train("--output", "run", "--resume", "--steps", "12", in: directory)
      #expect(longer.status == 0)
      let note =
        "the run's schedule ends at step 10, this run at step 12: the steps after 10 have its lowest "
        + "learning rate, 0.001\n"
      #expect(longer.errors.contains(note), "\(longer.errors)")
      let log = try AtomicFile.string(of: directory + "/run/log.jsonl")
      #expect(log.split(separator: "\n").last!.contains(#""learning_rate":0.001"#), "\(log)")

      let constant = ["train", "text.txt", "--output", "other"] + smallFlags
      #expect(
        try Command(constant + ["--schedule", "constant", "--steps", "2"], in: directory).finish()
          .status == 0)
      let silent = try Command(constant + ["--resume", "--steps", "4"], in: directory).finish()
      #expect(silent.status == 0 && !silent.errors.contains("schedule"))
    }
  }

  @Test func earlierEndsThanTheSchedulesAreNoted() throws {
    try withTemporaryDirectory { directory in
      try write(smallText, to: directory + "/text.txt")
      let command = try Command(
        ["train", "text.txt", "--output", "run", "--steps", "1000000", "--log-every", "1"]
          + smallFlags, in: directory)
      try command.waitForLine("step 1/")
      command.send(SIGINT)
      let stopped = try command.finish()
      #expect(stopped.status == 130)
      let log = try AtomicFile.string(of: directory + "/run/log.jsonl")
      let step = log.split(separator: "\n").count
      let resumed = try train(
        "--output", "run", "--resume", "--steps", "\(step + 1)", in: directory)
      #expect(resumed.status == 0)
      #expect(
        resumed.errors.contains(
          "the run's schedule ends at step 1000000, this run at step \(step + 1): the learning rate "
            + "ends at "), "\(resumed.errors)")
    }
  }

  /// A flag of the run may be repeated; a contradicting one is named in the error.
  @Test(arguments: [
    (["--width", "16"], "--width is 16, but the run to continue has 8"),
    (["--heads", "1"], "--heads is 1, but the run to continue has 2"),
    (["--activation", "relu"], "--activation is relu, but the run to continue has silu"),
    (["--positions", "sinusoidal"], "--positions is sinusoidal, but the run to continue has none"),
    (["--dropout", "0.5"], "--dropout is 0.5, but the run to continue has 0.0"),
    (["--carry"], "--carry is true, but the run to continue has false"),
    (["--carry", "--horizon", "2"], "--carry is true, but the run to continue has false"),
    (["--tied-head"], "--tied-head is true, but the run to continue has false"),
    (["--maximum-length", "9"], "--maximum-length is 9, but the run to continue has none"),
    (["--clip", "0"], "--clip is 0.0, but the run to continue has 1.0"),
    (["--optimizer", "muon"], "--optimizer is muon, but the run to continue has adamw"),
    (["--seed", "2"], "--seed is 2, but the run to continue has 1"),
    (
      ["--summarizer", "depthwiseSeparable"],
      "--summarizer is depthwiseSeparable, but the run to continue has linear"
    ),
    (["--tokenizer", "bytes"], "--tokenizer is bytes, but the run to continue has characters"),
    (["--learning-rate", "0.5"], "the learning-rate schedule is "),
    (["--schedule", "constant"], "the learning-rate schedule is constant(rate: 0.003), but "),
    (["--preset", "table1"], ", but the run to continue has "),
  ])
  func contradictionsAreRefused(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      #expect(try train("--output", "run", "--steps", "5", in: directory).status == 0)
      try expectRefusal(
        ["train", "text.txt", "--output", "run", "--resume", "--steps", "9"] + flags, in: directory,
        sentence)
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

/// `lmn train --model memformer`, and the commands that use its models.
@Suite struct MemformerCommandTests {
  @Test func trainedMemformersCanBeUsed() throws {
    try withSmallFiles { directory in
      let flags = [
        "train", "text.txt", "--model", "memformer", "--width", "8", "--heads", "2", "--slots", "3",
        "--segment", "8", "--encoder-layers", "1", "--decoder-layers", "1", "--block-length", "16",
        "--batch-size", "2", "--carry", "--horizon", "2", "--replay", "--evaluation-batches", "1",
        "--output", "run",
      ]
      func run(_ arguments: [String]) throws -> Command.Result {
        let result = try Command(arguments, in: directory).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result
      }
      let trained = try run(flags + ["--steps", "4"])
      #expect(trained.output.unicodeScalars.count == 401)
      _ = try run(["train", "text.txt", "--resume", "--output", "run", "--steps", "6"])
      try expectRefusal(
        ["train", "text.txt", "--resume", "--output", "run", "--steps", "8", "--slots", "4"],
        in: directory, status: 2, "--slots is 4, but the run to continue has 3")
      try expectRefusal(
        ["train", "text.txt", "--resume", "--output", "run", "--steps", "8", "--model", "network"],
        in: directory, status: 2, "--model is network, but the run to continue has memformer")

      let whole = try run(["generate", "--model", "run", "--prompt", "the ", "--tokens", "30"])
      let first = try run([
        "generate", "--model", "run", "--prompt", "the ", "--tokens", "13", "--save-state", "state",
      ])
      let second = try run([
        "generate", "--model", "run", "--tokens", "17", "--load-state", "state",
      ])
      #expect(first.output + second.output == whole.output)

      let report = try run(["evaluate", "--model", "run", "text.txt", "--json"]).json()
      #expect(Set(report.keys) == ["streaming", "blocks"])
      let info = try run(["info", "--model", "run", "--json"]).json()
      let model = try #require(info["model"] as? [String: Any])
      #expect((model["configuration"] as? [String: Any])?["kind"] as? String == "memformer")
      try expectRefusal(
        ["predict", "--model", "run", "text.txt"], in: directory, status: 2, "its task is text")
    }
  }

  /// The printed configuration is taken by --config.
  @Test func configurationsArePrintedAndRead() throws {
    try withSmallFiles { directory in
      func printed(_ flags: String...) throws -> String {
        let result = try Command(
          ["train", "text.txt", "--model", "memformer", "--print-config"] + flags, in: directory
        ).finish()
        #expect(result.status == 0, "\(result.errors)")
        return result.output
      }
      let changed = try printed("--slots", "5", "--no-forgetting", "--temperature", "0.5")
      try write(changed, to: directory + "/configuration.json")
      #expect(try printed("--config", "configuration.json") == changed)
      try write("{\"layers\": 3}", to: directory + "/configuration.json")
      try expectRefusal(
        ["train", "text.txt", "--model", "memformer", "--config", "configuration.json"],
        in: directory, status: 2, "configuration.json: ")
    }
  }
}
