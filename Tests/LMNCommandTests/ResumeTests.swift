import Foundation
import LMN
import LMNTestSupport
import Testing

/// `lmn train --resume`: data, which the run's directory names; steps and other flags.
@Suite struct ResumeTests {
  private func run(_ arguments: [String], in directory: String, input: String = "") throws
    -> Command.Result
  {
    let result = try Command(["train"] + arguments, in: directory, input: input).finish()
    #expect(result.status == 0, "\(result.errors)")
    return result
  }

  private func model(_ run: String, in directory: String) throws -> [UInt8] {
    try AtomicFile.contents(of: "\(directory)/\(run)/model.safetensors")
  }

  private static let constant = smallFlags + ["--schedule", "constant"]
  private static let five = ["text.txt", "--output", "run", "--steps", "5"] + smallFlags

  /// Of every task, begun and resumed in different working directories.
  @Test(arguments: [
    ["../text.txt"], ["../text.txt", "--validation", "../other.txt"],
    ["../words.csv", "--task", "classify"],
    ["../words.csv", "--task", "classify", "--validation", "../words.csv"],
    ["../series.csv", "--task", "forecast", "--channels", "load"],
    [
      "../series.csv", "--task", "forecast", "--channels", "load", "--validation",
      "../series.csv",
    ],
    ["../text.txt", "--model", "memformer", "--segment", "8"],
  ])
  func readsTheFilesOfTheRun(arguments: [String]) throws {
    try withTables { directory in
      try write(String(smallText.prefix(300)), to: directory + "/other.txt")
      let below = directory + "/below"
      try FileManager.default.createDirectory(
        atPath: below, withIntermediateDirectories: false)
      let isMemformer = arguments.contains("memformer")
      let flags = arguments + (isMemformer ? [] : Self.constant)
      let sizes = isMemformer ? ["--batch-size", "1", "--schedule", "constant"] : []
      let all = flags + sizes + ["--block-length", "16", "--evaluation-batches", "1"]
      _ = try run(all + ["--output", "whole", "--steps", "6"], in: below)
      _ = try run(all + ["--output", "run", "--steps", "3"], in: below)
      let resumed = try run(
        ["--resume", "--output", "below/run", "--steps", "6"], in: directory)
      #expect(resumed.errors.hasPrefix("continuing below/run at step 3\n"))
      #expect(try model("run", in: below) == model("whole", in: below))
      _ = try run(["--resume", "--output", "below/run", "--steps", "7"], in: directory)
    }
  }

  @Test func filesThatChangedAreNamed() throws {
    try withSmallFiles { directory in
      let flags = ["text.txt", "--validation", "other.txt", "--output", "run", "--steps", "2"]
      try write(smallText, to: directory + "/other.txt")
      _ = try run(flags + smallFlags, in: directory)
      let resume = ["train", "--resume", "--output", "run", "--steps", "4"]
      try write(smallText.replacing("dog", with: "god"), to: directory + "/other.txt")
      let path = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
      try expectRefusal(
        resume, in: directory,
        "text.txt, \(path)/other.txt: the run in run was begun with another text")
      try FileManager.default.removeItem(atPath: directory + "/other.txt")
      try expectRefusal(
        resume, in: directory,
        "cannot open \(path)/other.txt: No such file or directory; the run in run was begun with "
          + "this file")
      // By another name.
      try write(smallText, to: directory + "/moved.txt")
      _ = try run(Array(resume.dropFirst()) + ["--validation", "moved.txt"], in: directory)
      _ = try run(["--resume", "--output", "run", "--steps", "5"], in: directory)
    }
  }

  @Test func standardInputHasToBeGivenAgain() throws {
    try withSmallFiles { directory in
      _ = try run(
        ["-", "--output", "run", "--steps", "2"] + Self.constant, in: directory, input: smallText)
      try expectRefusal(
        ["train", "--resume", "--output", "run", "--steps", "4"], in: directory,
        "the run in run was begun with data from standard input; give them again as FILE or -")
      _ = try run(
        ["-", "--resume", "--output", "run", "--steps", "4"], in: directory, input: smallText)
      _ = try run(
        ["text.txt", "--resume", "--output", "run", "--steps", "5"], in: directory)
      // Now there is a file.
      _ = try run(["--resume", "--output", "run", "--steps", "6"], in: directory)
    }
  }

  @Test func theGrammarNeedsNoFile() throws {
    try withSmallFiles { directory in
      _ = try run(["--output", "run", "--steps", "1"] + smallFlags, in: directory)
      let resumed = try run(["--resume", "--output", "run", "--steps", "2"], in: directory)
      #expect(resumed.errors.contains("built-in grammar"))
      try expectRefusal(
        ["train", "text.txt", "--resume", "--output", "run", "--steps", "3"], in: directory,
        "text.txt: ")
    }
  }

  @Test func finishedRunsGoOnWithMoreSteps() throws {
    try withSmallFiles { directory in
      _ = try run(Self.five, in: directory)
      try expectRefusal(
        ["train", "--output", "run", "--resume"], in: directory,
        "Error: the run has taken its 5 steps; give more by --steps\n")
      let resumed = try run(["--output", "run", "--resume", "--steps", "8"], in: directory)
      #expect(resumed.errors.contains("step 8/8"))
    }
  }

  /// The schedule of a run is fixed; a resume with another number of steps says what that means.
  @Test func otherNumbersOfStepsThanTheSchedulesAreNoted() throws {
    try withSmallFiles { directory in
      let flags = ["--output", "run", "--learning-rate", "0.01", "--warm-up", "0"]
      let begun = try run(["text.txt", "--steps", "10"] + smallFlags + flags, in: directory)
      #expect(!begun.errors.contains("schedule"))
      let longer = try run(["--output", "run", "--resume", "--steps", "12"], in: directory)
      let note =
        "the run's schedule ends at step 10, this run at step 12: the steps after 10 have its lowest "
        + "learning rate, 0.001\n"
      #expect(longer.errors.contains(note), "\(longer.errors)")
      let log = try AtomicFile.string(of: directory + "/run/log.jsonl")
      #expect(log.split(separator: "\n").last!.contains(#""learning_rate":0.001"#), "\(log)")

      _ = try run(
        ["text.txt", "--output", "other", "--steps", "2"] + Self.constant, in: directory)
      let silent = try run(["--output", "other", "--resume", "--steps", "4"], in: directory)
      #expect(!silent.errors.contains("schedule"))
    }
  }

  @Test func earlierEndsThanTheSchedulesAreNoted() throws {
    try withSmallFiles { directory in
      let command = try Command(
        ["train", "text.txt", "--output", "run", "--steps", "1000000", "--log-every", "1"]
          + smallFlags, in: directory)
      try command.waitForLine("step 1/")
      command.send(SIGINT)
      let stopped = try command.finish()
      #expect(stopped.status == 130)
      let log = try AtomicFile.string(of: directory + "/run/log.jsonl")
      let step = log.split(separator: "\n").count
      let resumed = try run(
        ["--output", "run", "--resume", "--steps", "\(step + 1)"], in: directory)
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
      _ = try run(Self.five, in: directory)
      try expectRefusal(
        ["train", "text.txt", "--output", "run", "--resume", "--steps", "9"] + flags, in: directory,
        sentence)
    }
  }
}
