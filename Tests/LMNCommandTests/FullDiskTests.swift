import Foundation
import LMN
import LMNTestSupport
import Testing

/// A failed write leaves existing files unchanged.
@Suite struct FullDiskTests {
  /// A wrapper that limits file sizes, in blocks of 512 bytes, to simulate a full disk.
  private func limited(to blocks: Int) -> [String] {
    ["/bin/sh", "-c", #"ulimit -f \#(blocks) && exec "$@""#, "sh"]
  }

  @Test func fullDisksLeaveOldFilesAlone() throws {
    try withSmallFiles { directory in
      let steps = ["text.txt", "--steps", "2"]
      let trained = try Command(Command.train + steps, in: directory).finish()
      #expect(trained.status == 0)
      let before = try files(in: directory).filter { $0.key.hasSuffix(".safetensors") }
      let resumed = try Command(
        Command.train + ["text.txt", "--resume", "--steps", "4"], in: directory,
        wrapper: limited(to: 8)
      ).finish()
      #expect(resumed.status == 2)
      #expect(
        try /Error: cannot write run\/\w+.safetensors: File too large\n/.firstMatch(
          in: resumed.errors) != nil)
      #expect(try files(in: directory).filter { $0.key.hasSuffix(".safetensors") } == before)
      #expect(
        try Command(Command.train + ["text.txt", "--resume", "--steps", "4"], in: directory)
          .finish().status == 0)

      let prompt = String(repeating: "a", count: 64)
      let save = Command.generate + ["--prompt", prompt, "--tokens", "0", "--save-state", "state"]
      #expect(try Command(save, in: directory).finish().status == 0)
      try expectRefusal(
        save, in: directory, wrapper: limited(to: 1), "cannot write state: File too large")
    }
  }

  /// Only the directory remains, so that the same command can be repeated.
  @Test func runsThatFindNoRoomCanBeBegunAgain() throws {
    try withSmallFiles { directory in
      let arguments = Command.train + ["text.txt", "--steps", "2"]
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
        Command.generate + ["--prompt", "a"], Command.evaluate + ["text.txt"], ["info"],
        ["info", "--json"],
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
        Command.generate + ["--prompt", "a", "--tokens", "0", "--save-state", "none/state"],
        in: directory,
        "cannot open none/: No such file or directory")
      try expectRefusal(
        Command.generate + ["--prompt", "a", "--tokens", "0", "--save-state", "/tmp"],
        in: directory,
        "cannot replace /tmp: Is a directory")
    }
  }
}
