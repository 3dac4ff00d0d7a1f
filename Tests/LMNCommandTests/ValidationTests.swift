import Foundation
import LMN
import LMNTestSupport
import Testing

/// `--validation`, `--epochs`, and the elapsed time in the log.
@Suite struct ValidationTests {
  private func train(_ arguments: [String], in directory: String, input: String = "") throws
    -> Command.Result
  {
    try Command(["train"] + smallFlags + arguments, in: directory, input: input).finish()
  }

  private func log(_ run: String, in directory: String) throws -> [TrainingRecord] {
    try AtomicFile.contents(of: "\(directory)/\(run)/log.jsonl").split(
      separator: UInt8(ascii: "\n")
    )
    .map { try JSONDecoder().decode(TrainingRecord.self, from: Data($0)) }
  }

  // MARK: - Validation files

  /// A text that is divided by hand gives the losses of one that is divided by the command.
  @Test func textsAreValidatedOnTheFile() throws {
    try withSmallFiles { directory in
      let (beginning, end) = (String(smallText.prefix(918)), String(smallText.suffix(102)))
      try write(beginning, to: directory + "/a.txt")
      try write(end, to: directory + "/b.txt")
      let flags = ["--steps", "4", "--evaluate-every", "2", "--output"]
      let whole = try train(["text.txt"] + flags + ["whole"], in: directory)
      let split = try train(["a.txt", "--validation", "b.txt"] + flags + ["split"], in: directory)
      let piped = try train(
        ["a.txt", "--validation", "-"] + flags + ["piped"], in: directory, input: end)
      for result in [whole, split, piped] { #expect(result.status == 0, "\(result.errors)") }
      let expected = try log("whole", in: directory).compactMap(\.validationLoss)
      #expect(expected.count == 2)
      #expect(try log("split", in: directory).compactMap(\.validationLoss) == expected)
      #expect(try log("piped", in: directory).compactMap(\.validationLoss) == expected)
      // The training part is all of the file: more than a tenth of it is read in an epoch.
      let epoch = try train(
        ["a.txt", "--validation", "b.txt", "--epochs", "1", "--output", "epoch"], in: directory)
      #expect(epoch.errors.contains("step 58/58"), "\(epoch.errors)")
      // Characters of both files are in the vocabulary.
      try write(String(repeating: "THE CAT ", count: 9), to: directory + "/c.txt")
      let other = try train(
        ["a.txt", "--validation", "c.txt", "--steps", "1", "--output", "other"], in: directory)
      #expect(other.status == 0, "\(other.errors)")
      let tokenizer = try LanguageModel(contentsOf: directory + "/other").tokenizer
      #expect(tokenizer.vocabularySize == 15 + 5)
    }
  }

  @Test func tablesAreValidatedOnTheFile() throws {
    try withTables { directory in
      let series = try String(contentsOfFile: directory + "/series.csv", encoding: .utf8)
        .split(separator: "\n")
      try write(series[...108].joined(separator: "\n") + "\n", to: directory + "/a.csv")
      try write(
        ([series[0]] + series[109...]).joined(separator: "\n") + "\n", to: directory + "/b.csv")
      let flags = ["--task", "forecast", "--channels", "load", "--steps", "4", "--output"]
      for arguments in [
        ["series.csv"] + flags + ["whole"], ["a.csv", "--validation", "b.csv"] + flags + ["split"],
      ] {
        let result = try train(arguments, in: directory)
        #expect(result.status == 0, "\(result.errors)")
      }
      // The same forecasts but those from the last row of the training part, which a file of its own
      // has no row before.
      let (whole, split) = (
        try #require(try log("whole", in: directory).last?.forecast),
        try #require(try log("split", in: directory).last?.forecast)
      )
      #expect((whole.values, split.values) == (12, 11))
      #expect(
        try AtomicFile.contents(of: directory + "/whole/model.safetensors")
          == AtomicFile.contents(of: directory + "/split/model.safetensors"))

      try write("text,label\naxyz,A\nbq,B\n", to: directory + "/new.csv")
      let classes = try train(
        [
          "words.csv", "--task", "classify", "--validation", "new.csv", "--evaluation-batches", "9",
          "--tokenizer", "characters", "--steps", "2", "--output", "c",
        ], in: directory)
      #expect(classes.status == 0, "\(classes.errors)")
      #expect(try log("c", in: directory).last?.classification?.texts == 2)
    }
  }

  @Test func unusableValidationFilesAreNamed() throws {
    try withTables { directory in
      let text = ["train", "text.txt", "--output", "r"] + smallFlags + ["--validation"]
      try write("the cat", to: directory + "/short.txt")
      try expectRefusal(
        text + ["short.txt"], in: directory,
        "short.txt: the validation text is too short: it has 7 tokens, but blocks of 16 need at "
          + "least 17")
      try AtomicFile.write([0x61, 0xFF], to: directory + "/bytes.txt")
      try expectRefusal(
        text + ["bytes.txt"], in: directory, "bytes.txt: the text is not valid UTF-8 at byte 1")
      try expectRefusal(text + ["none.txt"], in: directory, "cannot open none.txt")
      let series = ["train", "series.csv", "--task", "forecast", "--channels", "load"]
      try write("temp\n1\n", to: directory + "/temp.csv")
      try expectRefusal(
        series + ["--output", "r", "--validation", "temp.csv"], in: directory,
        "temp.csv: there is no column 'load'; the header names temp")
      try write("load\n1\n", to: directory + "/load.csv")
      try expectRefusal(
        series + smallFlags + ["--output", "r", "--validation", "load.csv"], in: directory,
        "load.csv: the series is too short: 1 of its 1 rows are in the validation part")
      try write("text,label\na,X\n", to: directory + "/label.csv")
      try expectRefusal(
        ["train", "words.csv", "--task", "classify", "--output", "r", "--validation", "label.csv"],
        in: directory, "label.csv: line 2, column 2 'label': 'X' is not a label")
      // An input is no output.
      #expect(
        try train(["text.txt", "--steps", "1", "--output", "run"], in: directory).status == 0)
      try expectRefusal(
        [
          "train", "--resume", "--output", "run", "--steps", "2", "--validation", "run/log.jsonl",
        ], in: directory, "run/log.jsonl is read by this command")
    }
  }

  @Test(arguments: [
    (["--validation", "text.txt"], "--validation needs a training file"),
    (["-", "--validation", "-"], "FILE and --validation cannot both be standard input"),
    (["text.txt", "--steps", "3", "--epochs", "1"], "Give --steps or --epochs, not both"),
    (["text.txt", "--epochs", "0"], "--epochs is 0, it has to be 1 or more"),
    (["text.txt", "--epochs", "-2"], "--epochs is -2, it has to be 1 or more"),
    (
      ["text.txt", "--epochs", "9223372036854775807"], "steps is 9223372036854775807, it has to be"
    ),
    (["text.txt", "--epochs", "1", "--batch-size", "0"], "--batch-size is 0"),
    (["--resume", "--epochs", "1"], "--epochs is for a new run, it does not go with --resume"),
  ])
  func wrongFlagsAreWrongUsage(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "--output", "r"] + flags, in: directory, status: 64, sentence)
    }
  }

  // MARK: - Epochs

  /// Of 918 tokens in blocks of 16; of 108 rows; of 54 texts.
  @Test(arguments: [
    (["text.txt", "--epochs", "1"], 58), (["text.txt", "--epochs", "2"], 116),
    (["text.txt", "--epochs", "2", "--batch-size", "4"], 30),
    (["text.txt", "--epochs", "1", "--carry"], 57),
    (["text.txt", "--epochs", "3", "--carry", "--horizon", "4"], 42),
    (["series.csv", "--task", "forecast", "--channels", "load", "--epochs", "2"], 14),
    (["words.csv", "--task", "classify", "--epochs", "3", "--batch-size", "8"], 21),
  ])
  func epochsArePassesOverTheData(arguments: [String], steps: Int) throws {
    try withTables { directory in
      let result = try train(arguments + ["--output", "run"], in: directory)
      #expect(result.status == 0, "\(result.errors)")
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/run/configuration.json")))
      #expect(kept.steps == steps && kept.schedule.totalSteps == steps)
    }
  }

  // MARK: - Elapsed time

  /// It grows from line to line, and on from the last line where a run is resumed.
  @Test func theLogHasTheElapsedSeconds() throws {
    try withSmallFiles { directory in
      let flags = ["text.txt", "--output", "run", "--log-every", "1", "--steps"]
      #expect(try train(flags + ["3"], in: directory).status == 0)
      let first = try log("run", in: directory).map { try #require($0.seconds) }
      #expect(first.count == 3 && first[0] > 0 && first == first.sorted())
      // As if it had taken an hour.
      let path = directory + "/run/log.jsonl"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try write(text.replacing("\"seconds\":", with: "\"seconds\":3600"), to: path)
      #expect(try train(flags + ["5", "--resume"], in: directory).status == 0)
      let all = try log("run", in: directory).map { try #require($0.seconds) }
      #expect(all.count == 5 && all == all.sorted() && all[3] > 3600)
    }
  }
}
