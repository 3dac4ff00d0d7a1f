import Foundation
import LMN
import LMNTestSupport
import Testing

/// `lmn train --resume` without FILE: a run's directory names its data.
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
}
