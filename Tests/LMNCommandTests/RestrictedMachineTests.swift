import Foundation
import LMN
import LMNTestSupport
import Testing

/// Machines without /proc and /dev/shm, with few processes or little memory.
@Suite struct RestrictedMachineTests {
  /// Flags of a run of two steps on the number of threads that the machine has.
  private static let run = [
    "train", "text.txt", "--width", "8", "--heads", "2", "--layers", "1", "--banks", "1",
    "--block-length", "16", "--batch-size", "2", "--evaluation-batches", "1", "--steps", "2",
    "--output",
  ]

  /// Copy of the command in `directory`, for a user who may not enter the directory of the tests.
  private func copyCommand(to directory: String) throws {
    try shell(#"cp "$0" lmn && chmod 777 ."#, Command.executable, in: directory)
  }

  private func shell(_ script: String, _ argument: String, in directory: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-euc", script, argument]
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  /// Trains freely, and the copy of the command within `wrapper`; expects the same weights.
  private func expectTraining(
    in directory: String, executable: String, wrapper: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(try Command(Self.run + ["free"], in: directory).finish().status == 0)
    let result = try Command(
      Self.run + ["restricted"], executable: executable, in: directory,
      environment: ["OMP_NUM_THREADS": "2"], wrapper: wrapper
    ).finish()
    #expect(
      result.status == 0 && !result.wasKilled && result.errors.contains(", 1 thread, "),
      "\(result.errors)", sourceLocation: sourceLocation)
    #expect(
      try AtomicFile.contents(of: directory + "/restricted/model.safetensors")
        == AtomicFile.contents(of: directory + "/free/model.safetensors"),
      sourceLocation: sourceLocation)
  }

  private static let isRoot = geteuid() == 0

  /// A root directory with the command and its libraries, without /proc and /dev, and a user who may
  /// have one process.
  @Test(.enabled(if: isRoot, "only root may change the root directory"))
  func aBareMachineIsEnough() throws {
    try withSmallFiles { root in
      try copyCommand(to: root)
      try shell(
        """
        # OpenBLAS is loaded when it is needed.
        blas=$(ldconfig -p | sed -n 's/^.*libopenblas.so.0 .*=> //p' | head -n 1)
        for file in $(ldd lmn $blas | grep -oE '/[^ :]+\\.so[^ :]*' | sort -u) $blas; do
          mkdir -p ".$(dirname "$file")" && cp -L "$file" ".$file"
        done
        """, "", in: root)
      // The limit does not hold for root.
      let wrapper = [
        "/usr/bin/prlimit", "--nproc=1", "/usr/sbin/chroot", "--userspec=54321:54321", root,
      ]
      func run(_ arguments: [String]) throws -> Command.Result {
        try Command(
          arguments, executable: "/lmn", in: root, environment: ["OMP_NUM_THREADS": "2"],
          wrapper: wrapper
        ).finish()
      }
      let info = try run(["info"])
      #expect(info.status == 0 && info.output.hasPrefix("version "), "\(info.errors)")
      #expect(info.output.contains("\nthreads          1\n"), "\(info.output)")
      let generate = Command.generate + ["--prompt", "the cat", "--tokens", "20"]
      let written = try run(generate)
      #expect(
        try written.status == 0
          && written.output == Command(generate, in: root).finish().output, "\(written.errors)")
      let evaluated = try run(Command.evaluate + ["text.txt"])
      #expect(evaluated.status == 0, "\(evaluated.errors)")
      try expectTraining(in: root, executable: "/lmn", wrapper: wrapper)
      let refused = try run(["info", "--threads", "2"])
      #expect(
        refused.errors
          == "Error: --threads is 2, but this process can have 1: the OpenMP runtime needs shared "
          + "memory, a writable /dev/shm with room\n")
      #expect(refused.status == 2)
    }
  }

  @Test(.enabled(if: isRoot, "only root may become a user without other processes"))
  func oneProcessIsEnough() throws {
    try withSmallFiles { directory in
      try copyCommand(to: directory)
      let wrapper = [
        "/usr/bin/setpriv", "--reuid=54322", "--clear-groups", "/usr/bin/prlimit", "--nproc=1",
      ]
      try expectTraining(in: directory, executable: directory + "/lmn", wrapper: wrapper)
      let refused = try Command(
        ["info", "--threads", "2"], executable: directory + "/lmn", in: directory, wrapper: wrapper
      ).finish()
      #expect(
        refused.errors
          == "Error: --threads is 2, but this process can have 1: the system starts no further "
          + "thread (see the limits of processes and of memory)\n")
      #expect(refused.status == 2)
    }
  }

  /// Address spaces of all sizes, from too small to be loaded to large enough.
  @Test func littleMemoryIsSaid() throws {
    try withSmallFiles { directory in
      var sentences = 0
      for mebibytes in stride(from: 80, through: 800, by: 10) {
        // A network that is large beside the program, so that some sizes are enough to load it only.
        let result = try Command(
          ["train", "text.txt", "--output", "run\(mebibytes)", "--steps", "1"] + smallFlags
            + ["--width", "256", "--feed-forward", "4"],
          in: directory,
          wrapper: ["/bin/bash", "-c", "ulimit -v \(mebibytes * 1024) && exec \"$@\"", "bash"]
        ).finish()
        if result.status == 0 { break }
        // 127 is the loader's, with a sentence of its own; the other sentence is Swift's, which then
        // aborts.
        if result.status == 127 { continue }
        sentences += 1
        let isRefused =
          result.status == 2
          && result.errors == "Error: there is not enough memory to start: the stack cannot grow\n"
        #expect(
          isRefused || result.errors.contains("Fatal error: failed to allocate "),
          "\(mebibytes) MiB: \(result.status) \(result.errors)")
      }
      #expect(sentences > 0)
    }
  }
}
