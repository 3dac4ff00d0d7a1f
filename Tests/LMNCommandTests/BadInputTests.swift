import Foundation
import LMN
import LMNTestSupport
import Testing

/// Whatever is wrong: one sentence that names it, an exit code, and files as they were.
@Suite struct BadInputTests {
  private func expectRefusal(
    _ arguments: [String], in directory: String, status: Int32 = 2, input: String = "",
    wrapper: [String] = [], _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try files(in: directory)
    let result = try Command(arguments, in: directory, input: input, wrapper: wrapper).finish()
    #expect(result.status == status && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
    let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines.count == 2 && lines[0].hasPrefix("Error: ") && lines[1].isEmpty,
      "\(result.errors) is not one sentence", sourceLocation: sourceLocation)
    #expect(
      result.errors.contains(sentence), "\(result.errors) does not say: \(sentence)",
      sourceLocation: sourceLocation)
    #expect(try files(in: directory) == before, sourceLocation: sourceLocation)
  }

  private let train = ["train", "--output", "run"] + smallFlags
  private let generate = ["generate", "--model", "model.safetensors"]
  private let evaluate = ["evaluate", "--model", "model.safetensors"]

  // MARK: - Texts

  @Test func textsBehindTheLastLearnedPositionAreRefused() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/short.safetensors") {
        ($0.positions, $0.maximumLength) = (.learned, 100)
      }
      let model = ["--model", "short.safetensors"]
      try expectRefusal(
        ["evaluate", "text.txt"] + model, in: directory,
        "a stream of 1019 tokens reaches position 1018, behind the last of 100 learned positions")
      try expectRefusal(
        ["generate", "--prompt", "the cat", "--tokens", "94"] + model, in: directory,
        "a stream of 101 tokens reaches position 100, behind the last of 100 learned positions")
      try expectRefusal(
        ["generate", "--prompt-file", "text.txt", "--tokens", "0"] + model, in: directory,
        "a stream of 1020 tokens reaches position 1019, behind")
      let generated = try Command(
        ["generate", "--prompt", "the cat", "--tokens", "93"] + model, in: directory
      ).finish()
      #expect(generated.status == 0 && generated.output.count == 93)
    }
  }

  @Test func emptyTextsAreRefused() throws {
    try withSmallFiles { directory in
      try write("", to: directory + "/empty.txt")
      try expectRefusal(train + ["empty.txt"], in: directory, "empty.txt: the text is empty")
      try expectRefusal(train + ["-"], in: directory, "-: the text is empty")
      try expectRefusal(
        evaluate + ["empty.txt"], in: directory,
        "empty.txt: there is nothing to predict in 0 tokens")
      try expectRefusal(
        generate + ["--prompt-file", "empty.txt"], in: directory, "the prompt is empty")
      try expectRefusal(generate + ["--prompt", ""], in: directory, "the prompt is empty")
      try expectRefusal(generate, in: directory, "the prompt is empty")
    }
  }

  @Test func shortTextsAreRefused() throws {
    try withSmallFiles { directory in
      try write("the cat sat", to: directory + "/short.txt")
      try expectRefusal(
        train + ["short.txt"], in: directory,
        "short.txt: the text is too short: 10 of its 11 tokens are for training, but blocks of 16 "
          + "need at least 17")
      try expectRefusal(
        train + ["text.txt", "--carry", "--flow", "60"], in: directory,
        "text.txt: the text is too short: its 918 tokens for training, shared by a batch of 1, are "
          + "stretches of 917, but a step reads 960 of each")
      try write("t", to: directory + "/letter.txt")
      try expectRefusal(
        evaluate + ["letter.txt"], in: directory,
        "letter.txt: there is nothing to predict in 1 token")
      try expectRefusal(
        ["train", "--output", "run", "--block-length", "500000"], in: directory,
        "the built-in grammar: the text is too short")
    }
  }

  @Test func unknownCharactersAreNamed() throws {
    try withSmallFiles { directory in
      let sentence =
        "the character 'Z' (U+005A) at offset 9 (line 2, column 2) is not in the vocabulary"
      try write("the cat\ncZ", to: directory + "/other.txt")
      try expectRefusal(
        generate + ["--prompt", "the cat\ncZ"], in: directory, "in the prompt, \(sentence)")
      try expectRefusal(
        generate + ["--prompt-file", "other.txt"], in: directory, "in the prompt, \(sentence)")
      try expectRefusal(generate, in: directory, input: "the cat\ncZ", "in the prompt, \(sentence)")
      try expectRefusal(evaluate + ["other.txt"], in: directory, "other.txt: \(sentence)")
      try expectRefusal(
        generate + ["--prompt", "\u{1B}[2J"], in: directory, "the character '\\u{1B}' (U+001B)")
    }
  }

  @Test func textsThatAreNotUTF8AreRefused() throws {
    try withSmallFiles { directory in
      try AtomicFile.write(
        Array(smallText.utf8.prefix(100)) + [0xFF] + Array(smallText.utf8),
        to: directory + "/binary.txt")
      let sentence = "the text is not valid UTF-8 at byte 100"
      try expectRefusal(train + ["binary.txt"], in: directory, "binary.txt: \(sentence)")
      try expectRefusal(evaluate + ["binary.txt"], in: directory, "binary.txt: \(sentence)")
      try expectRefusal(
        generate + ["--prompt-file", "binary.txt"], in: directory, "in the prompt, \(sentence)")
    }
  }

  @Test func missingFilesAndDirectoriesAreNamed() throws {
    try withSmallFiles { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/folder", withIntermediateDirectories: false)
      for (name, sentence) in [
        ("none", "cannot open none: No such file or directory"),
        ("folder", "cannot read folder: Is a directory"),
        ("text.txt/x", "cannot open text.txt/x: Not a directory"),
        ("", "cannot open : No such file or directory"),
      ] {
        try expectRefusal(train + [name], in: directory, sentence)
        try expectRefusal(evaluate + [name], in: directory, sentence)
        try expectRefusal(generate + ["--prompt-file", name], in: directory, sentence)
        try expectRefusal(generate + ["--load-state", name], in: directory, sentence)
        try expectRefusal(["verify", name], in: directory, sentence)
      }
      for model in ["none", "folder/model.safetensors", "folder"] {
        let path = model == "folder" ? "folder/model.safetensors" : model
        let sentence = "cannot open \(path): No such file or directory"
        try expectRefusal(["info", "--model", model], in: directory, sentence)
        try expectRefusal(["evaluate", "--model", model, "text.txt"], in: directory, sentence)
        try expectRefusal(["generate", "--model", model, "--prompt", "a"], in: directory, sentence)
      }
      try expectRefusal(
        train + ["text.txt", "--resume"], in: directory,
        "cannot open run/training.safetensors: No such file or directory")
    }
  }

  // MARK: - Models, states and runs

  /// Every command that reads a model.
  private func expectRefusal(
    ofModel model: String, in directory: String, _ sentence: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for arguments in [
      ["info", "--model", model], ["evaluate", "--model", model, "text.txt"],
      ["generate", "--model", model, "--prompt", "a"], ["verify", model],
    ] {
      try expectRefusal(arguments, in: directory, sentence, sourceLocation: sourceLocation)
    }
  }

  @Test func damagedModelsAreRefused() throws {
    try withSmallFiles { directory in
      let bytes = try AtomicFile.contents(of: directory + "/model.safetensors")
      let damages: [(change: (inout [UInt8]) -> Void, sentence: String)] = [
        ({ $0 = [] }, "0 bytes are too few for a safetensors file"),
        ({ $0.removeLast(100) }, "beyond the "),
        ({ $0 = Array($0[..<50]) }, "does not fit into a file of 50 bytes"),
        ({ $0.append(0) }, "the tensors end at offset "),
        ({ $0[7] = 0x7F }, "exceeds the limit of 100000000"),
        ({ $0[3] = 5 }, "does not fit into a file of "),
        ({ $0[8] = UInt8(ascii: "[") }, "the header has '[' at byte 8"),
        ({ $0 = Array(smallText.utf8) }, "exceeds the limit of 100000000"),
      ]
      for (change, sentence) in damages {
        var damaged = bytes
        change(&damaged)
        try AtomicFile.write(damaged, to: directory + "/damaged")
        try expectRefusal(ofModel: "damaged", in: directory, sentence)
        try expectRefusal(generate + ["--load-state", "damaged"], in: directory, sentence)
      }
    }
  }

  /// Names that would fill or obey a terminal, sizes that no machine has.
  @Test func hostileModelsAreRefused() throws {
    try withSmallFiles { directory in
      let path = directory + "/hostile"
      let model = try Safetensors(contentsOf: directory + "/model.safetensors")
      let configuration = try #require(model.metadata["config"])
      for (found, forged, sentence) in [
        ("\"width\":8", "\"width\":16777216", "the configuration asks for "),
        ("\"layers\":2", "\"layers\":9223372036854775807", "layers is 9223372036854775807"),
        ("\"layers\":2", "\"layers\":1e400", "the configuration cannot be read"),
        ("{", #"{"\u001b[2J\nx":1,"#, "the configuration asks for what no model here has:  [2J x"),
      ] {
        var hostile = model
        hostile.metadata["config"] = configuration.replacingOccurrences(of: found, with: forged)
        #expect(hostile.metadata["config"] != configuration)
        try hostile.write(to: path)
        try expectRefusal(ofModel: "hostile", in: directory, sentence)
      }

      var hostile = model
      for number in 0..<3000 {
        hostile.append("\u{1B}]0;tensor\u{7}\n\(number)", shape: [0], floats: [])
      }
      try hostile.write(to: path)
      let before = try files(in: directory)
      let result = try Command.run("info", "--model", "hostile", in: directory)
      #expect(result.status == 2 && result.errors.utf8.count < 1100)
      #expect(result.errors.filter(\.isNewline).count == 1)
      #expect(!result.errors.unicodeScalars.contains("\u{1B}"))
      #expect(try files(in: directory) == before)
    }
  }

  @Test func checkpointsOfOtherModelsAreRefused() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/other.safetensors", seed: 2)
      let saved = try Command(
        generate + ["--prompt", "a", "--save-state", "state"], in: directory
      ).finish()
      #expect(saved.status == 0)
      try expectRefusal(
        ["generate", "--model", "other.safetensors", "--load-state", "state"], in: directory,
        "state: it is the state of another model")
      try expectRefusal(
        generate + ["--load-state", "other.safetensors"], in: directory,
        "other.safetensors: it holds no state of a session")
      try expectRefusal(
        ["generate", "--model", "state", "--prompt", "a"], in: directory,
        "state: it has no 'format_version' in its metadata")

      let trained = try Command(train + ["text.txt", "--steps", "2"], in: directory).finish()
      #expect(trained.status == 0)
      try expectRefusal(
        ["info", "--model", "run/training.safetensors"], in: directory,
        "run/training.safetensors: the configuration asks for ")
    }
  }

  @Test func runsWithAnotherTextAreRefused() throws {
    try withSmallFiles { directory in
      let trained = try Command(train + ["text.txt", "--steps", "2"], in: directory).finish()
      #expect(trained.status == 0)
      let resume = ["train", "--output", "run", "--resume", "--steps", "4"]
      let another = "the run in run was begun with another text"
      try write(smallText + "the cat", to: directory + "/longer.txt")
      try expectRefusal(resume + ["longer.txt"], in: directory, another)
      try expectRefusal(resume + ["-"], in: directory, input: smallText + " ", another)
      try expectRefusal(
        resume, in: directory, "the built-in grammar: the character ")
      // A model file is no run.
      try FileManager.default.removeItem(atPath: directory + "/run/training.safetensors")
      try FileManager.default.copyItem(
        atPath: directory + "/model.safetensors", toPath: directory + "/run/training.safetensors")
      try expectRefusal(
        resume + ["text.txt"], in: directory,
        "run/training.safetensors: it has no 'loop' in its metadata")
    }
  }

  // MARK: - Disks

  /// Limits the size of files, in blocks of 512 bytes, as a full disk would.
  private func limited(to blocks: Int) -> [String] {
    ["/bin/sh", "-c", #"ulimit -f \#(blocks) && exec "$@""#, "sh"]
  }

  @Test func fullDisksLeaveOldFilesAlone() throws {
    try withSmallFiles { directory in
      let steps = ["text.txt", "--steps", "2"]
      let trained = try Command(train + steps, in: directory).finish()
      #expect(trained.status == 0)
      let before = try files(in: directory).filter { $0.key.hasSuffix(".safetensors") }
      let resumed = try Command(
        train + ["text.txt", "--resume", "--steps", "4"], in: directory, wrapper: limited(to: 8)
      ).finish()
      #expect(resumed.status == 2)
      #expect(
        try /Error: cannot write run\/\w+.safetensors: File too large\n/.firstMatch(
          in: resumed.errors) != nil)
      #expect(try files(in: directory).filter { $0.key.hasSuffix(".safetensors") } == before)
      #expect(
        try Command(train + ["text.txt", "--resume", "--steps", "4"], in: directory)
          .finish().status == 0)

      let prompt = String(repeating: "a", count: 64)
      let save = generate + ["--prompt", prompt, "--tokens", "0", "--save-state", "state"]
      #expect(try Command(save, in: directory).finish().status == 0)
      try expectRefusal(
        save, in: directory, wrapper: limited(to: 1), "cannot write state: File too large")
    }
  }

  /// Nothing but the directory is left behind, so that the same command can be tried again.
  @Test func runsThatFindNoRoomCanBeBegunAgain() throws {
    try withSmallFiles { directory in
      let arguments = train + ["text.txt", "--steps", "2"]
      let failed = try Command(arguments, in: directory, wrapper: limited(to: 2)).finish()
      #expect(failed.status == 2)
      #expect(
        failed.errors.hasSuffix("Error: cannot write run/training.safetensors: File too large\n"))
      #expect(names(in: directory + "/run").isEmpty)
      #expect(try Command(arguments, in: directory).finish().status == 0)
    }
  }

  @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/full")))
  func fullStandardOutputIsAnError() throws {
    try withSmallFiles { directory in
      for arguments in [
        generate + ["--prompt", "a"], evaluate + ["text.txt"], ["info"], ["info", "--json"],
      ] {
        try expectRefusal(
          arguments, in: directory, wrapper: ["/bin/sh", "-c", #"exec "$@" > /dev/full"#, "sh"],
          "cannot write to standard output: No space left on device")
      }
    }
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--output", "text.txt/run"] + smallFlags, in: directory,
        "cannot create text.txt/run: Not a directory")
      try expectRefusal(
        ["train", "text.txt", "--output", "/proc/run"] + smallFlags, in: directory,
        "cannot create /proc/run: ")
      try expectRefusal(
        generate + ["--prompt", "a", "--tokens", "0", "--save-state", "none/state"], in: directory,
        "cannot open none/: No such file or directory")
      try expectRefusal(
        generate + ["--prompt", "a", "--tokens", "0", "--save-state", "/tmp"], in: directory,
        "cannot replace /tmp: Is a directory")
    }
  }

  // MARK: - Flags

  @Test(arguments: [
    (["--steps", "0"], "steps is 0, it has to be 1 to 16777216"),
    (["--steps", "-1"], "steps is -1, it has to be 1 to 16777216"),
    (["--steps", "1.5"], "The value '1.5' is invalid for '--steps <steps>'"),
    (["--steps", "99999999999999999999"], "The value '99999999999999999999' is invalid for"),
    (["--width", "0"], "width is 0, it has to be from 1 to 16777216"),
    (["--width", "16777216"], "the number of parameters is "),
    (["--heads", "5", "--width", "32"], "5 heads do not divide a width of 32"),
    (["--heads", "0"], "heads is 0, it has to be from 1 to "),
    (["--layers", "-2"], "layers is -2, it has to be from 1 to 16777216"),
    (["--banks", "0"], "banks is 0, it has to be from 1 to 16777216"),
    (["--feed-forward", "0"], "feedForward is 0, it has to be from 1 to 8"),
    (["--feed-forward", "9"], "feedForward is 9, it has to be from 1 to 8"),
    (["--activation", "tanh"], "The value 'tanh' is invalid for '--activation"),
    (["--dropout", "1"], "dropout is 1.0, it has to be from 0 to below 1"),
    (["--dropout", "-0.1"], "dropout is -0.1, it has to be from 0 to below 1"),
    (["--dropout", "nan"], "dropout is nan, it has to be from 0 to below 1"),
    (["--positions", "rotary"], "The value 'rotary' is invalid for '--positions"),
    (["--positions", "learned"], "learned positions need a maximumLength"),
    (["--maximum-length", "64"], "maximumLength is 64, but only learned positions have one"),
    (
      ["--positions", "learned", "--maximum-length", "0"],
      "maximumLength is 0, it has to be from 1 to 16777216"
    ),
    (
      ["--positions", "learned", "--maximum-length", "64", "--block-length", "65"],
      "block length is 65, it has to be at most 64, the number of learned positions"
    ),
    (["--block-length", "0"], "block length is 0, it has to be 1 to 16777216"),
    (["--batch-size", "0"], "batch size is 0, it has to be 1 to 16777216"),
    (["--learning-rate", "0"], "learning rate is 0.0, it has to be above 0 and finite"),
    (["--learning-rate", "-1"], "learning rate is -1.0, it has to be above 0 and finite"),
    (["--learning-rate", "nan"], "learning rate is nan, it has to be above 0 and finite"),
    (["--learning-rate", "inf"], "learning rate is inf, it has to be above 0 and finite"),
    (["--warm-up", "-1"], "warm-up is -1, it has to be 0 to 16777216"),
    (["--weight-decay", "-0.1"], "weight decay is -0.1, it has to be 0 or more and finite"),
    (["--clip", "-1"], "gradient clipping is -1.0, it has to be above 0 and finite"),
    (["--clip", "nan"], "gradient clipping is nan, it has to be above 0 and finite"),
    (["--seed", "-1"], "The value '-1' is invalid for '--seed <seed>'"),
    (["--log-every", "0"], "steps between log lines is 0, it has to be 1 to 16777216"),
    (["--evaluate-every", "0"], "steps between evaluations is 0, it has to be 1 to 16777216"),
    (["--evaluation-batches", "0"], "evaluation batches is 0, it has to be 1 to 16777216"),
    (["--save-every", "0"], "steps between checkpoints is 0, it has to be 1 to 16777216"),
    (["--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["--threads", "-1"], "--threads is -1, it has to be from 1 to 1024"),
    (["--preset", "table2"], "The value 'table2' is invalid for '--preset <preset>'"),
    (["--summarizer", "conv"], "The value 'conv' is invalid for '--summarizer"),
    (["--initialisation", "best"], "The value 'best' is invalid for '--initialisation"),
    (["--tokenizer", "words"], "The value 'words' is invalid for '--tokenizer"),
    (["--schedule", "linear"], "The value 'linear' is invalid for '--schedule"),
    (["--output", ""], "--output is empty, it has to name a directory"),
    (["--speed", "9"], "Unknown option '--speed'"),
    (["more.txt"], "Unexpected argument 'more.txt'"),
  ])
  func trainRefusesFlags(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--output", "run"] + flags, in: directory, status: 64, sentence)
    }
  }

  @Test func resumedRunsRefuseFlags() throws {
    try withSmallFiles { directory in
      let trained = try Command(train + ["text.txt", "--steps", "2"], in: directory).finish()
      #expect(trained.status == 0)
      for (flag, sentence) in [("--steps", "steps is 0"), ("--save-every", "checkpoints is 0")] {
        try expectRefusal(
          ["train", "text.txt", "--output", "run", "--resume", flag, "0"], in: directory,
          status: 64, sentence)
      }
    }
  }

  @Test(arguments: [
    (["--tokens", "-1"], "--tokens is -1, it has to be 0 or more"),
    (["--tokens", "x"], "The value 'x' is invalid for '--tokens <tokens>'"),
    (["--temperature", "-1"], "temperature is -1.0, it has to be 0 or more"),
    (["--temperature", "nan"], "temperature is nan, it has to be 0 or more"),
    (["--temperature", "inf"], "temperature is inf, it has to be 0 or more"),
    (["--top-p", "0"], "top-p is 0.0, it has to be above 0, at most 1"),
    (["--top-p", "2"], "top-p is 2.0, it has to be above 0, at most 1"),
    (["--top-k", "0"], "top-k is 0, it has to be 1 or more"),
    (["--top-k", "-4"], "top-k is -4, it has to be 1 or more"),
    (["--seed", "-1"], "The value '-1' is invalid for '--seed <seed>'"),
    (["--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["--threads", "1025"], "--threads is 1025, it has to be from 1 to 1024"),
    (["--prompt-file", "text.txt"], "Give --prompt or --prompt-file, not both"),
  ])
  func generateRefusesFlags(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        generate + ["--prompt", "a"] + flags, in: directory, status: 64, sentence)
    }
  }

  @Test(arguments: [
    (
      ["evaluate", "text.txt", "--block-length", "0"], "--block-length is 0, it has to be 1 or more"
    ),
    (["evaluate", "text.txt", "--block-length", "-1"], "--block-length is -1, it has to be"),
    (["evaluate", "text.txt", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["evaluate"], "Missing expected argument '<file>'"),
    (["info", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
  ])
  func reportsRefuseFlags(arguments: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        arguments + ["--model", "model.safetensors"], in: directory, status: 64, sentence)
    }
  }

  @Test(arguments: [
    (["verify"], "Missing expected argument '<files> ...'"),
    (["verify", "x", "--tolerance", "0"], "--tolerance is 0.0, it has to be above 0"),
    (["verify", "x", "--tolerance", "-1"], "--tolerance is -1.0, it has to be above 0"),
    (["verify", "x", "--tolerance", "nan"], "--tolerance is nan, it has to be above 0"),
    (["verify", "x", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["generate", "--prompt", "a"], "Missing expected argument '--model <model>'"),
    (["evaluate", "text.txt"], "Missing expected argument '--model <model>'"),
    (["improve"], "Unexpected argument 'improve'"),
    (["--speed"], "Unknown option '--speed'"),
  ])
  func wrongUsageIsRefused(arguments: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(arguments, in: directory, status: 64, sentence)
    }
  }
}
