import Foundation
import LMN
import LMNTestSupport
import Testing

/// Runs of `lmn train` that a signal ends, and directories that they leave.
@Suite struct StoppedRunTests {
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
      #expect(names(in: directory + "/run") == runFiles)
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
}
