import Foundation
import LMN
import LMNTestSupport
import Testing

/// Output of commands to a terminal.
@Suite struct TerminalTests {
  /// Output of a command one of whose streams is a terminal.
  private struct Session {
    let status: Int32
    /// Text on the terminal, with its line ends as line feeds.
    let terminal: String
    /// Text on the other stream, a pipe.
    let pipe: String
  }

  private enum Stream { case output, errors }

  /// The main side of a new pseudo-terminal, and the path of the other side.
  private static func terminal() throws -> (main: Int32, path: String) {
    #if os(Linux)
      // Glibc declares posix_openpt and the like for C only.
      let main = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
      let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
      var (lock, number): (CInt, CUnsignedInt) = (0, 0)
      try #require(ioctl(main, setLock, &lock) == 0 && ioctl(main, getNumber, &number) == 0)
      return (main, "/dev/pts/\(number)")
    #else
      let main = posix_openpt(O_RDWR | O_NOCTTY)
      try #require(grantpt(main) == 0 && unlockpt(main) == 0)
      return (main, String(cString: try #require(ptsname(main))))
    #endif
  }

  /// Runs `lmn` with `stream` as a pseudo-terminal.
  private func run(
    _ arguments: [String], in directory: String, on stream: Stream,
    environment: [String: String] = [:]
  ) throws -> Session {
    let (main, path) = try Self.terminal()
    defer { close(main) }
    let device = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(device >= 0)
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: try Command.executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    var variables = ProcessInfo.processInfo.environment
    variables["NO_COLOR"] = nil
    process.environment = variables.merging(["OMP_NUM_THREADS": "1", "TERM": "xterm"]) { $1 }
      .merging(environment) { $1 }
    let terminal = FileHandle(fileDescriptor: device)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = stream == .output ? terminal : pipe
    process.standardError = stream == .output ? pipe : terminal
    try process.run()
    close(device)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    // The end is an error, once the process has closed the terminal.
    while true {
      let count = read(main, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    process.waitUntilExit()
    let other = try pipe.fileHandleForReading.readToEnd() ?? Data()
    return Session(
      status: process.terminationStatus,
      terminal: String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"),
      pipe: String(decoding: other, as: UTF8.self))
  }

  /// Training draws a bar on a terminal, except where escape codes are not wanted.
  @Test func barsNeedATerminalWithEscapeCodes() throws {
    try withSmallFiles { directory in
      for (name, environment, hasBar) in [
        ("a", [:], true), ("b", ["TERM": "dumb"], false), ("c", ["NO_COLOR": "1"], false),
        ("d", ["NO_COLOR": ""], true),
      ] {
        let session = try run(
          ["train", "text.txt", "--output", name, "--steps", "10"] + smallFlags, in: directory,
          on: .errors, environment: environment)
        #expect(session.status == 0, "\(session.terminal)")
        #expect(session.terminal.contains("\u{1B}[K") == hasBar, "\(environment)")
        #expect(session.terminal.contains("━ 10/10") == hasBar, "\(environment)")
        #expect(session.terminal.contains("step 10/10  loss "))
      }
    }
  }

  /// Evaluations and predictions show their progress on a terminal, and nothing elsewhere.
  @Test func readingShowsProgress() throws {
    try withTables { directory in
      #expect(try trainClassifier(in: directory).status == 0)
      #expect(try trainForecaster(in: directory).status == 0)
      try writeSmallModel(to: directory + "/t")
      for (arguments, words) in [
        (["evaluate", "--model", "t", "text.txt"], "━ 1020/1020 bytes  00:00 left"),
        (["evaluate", "--model", "c", "words.csv"], "━ 60/60 texts  00:00 left"),
        (["predict", "--model", "c", "words.csv"], "━ 60/60 texts  00:00 left"),
        (["evaluate", "--model", "f", "series.csv"], "━ 360/360 rows  00:00 left"),
        (["predict", "--model", "f", "series.csv"], "━ 120/120 rows  00:00 left"),
      ] {
        let session = try run(arguments, in: directory, on: .errors)
        #expect(session.status == 0 && session.terminal.contains(words), "\(session.terminal)")
        #expect(session.terminal.hasSuffix("\r\u{1B}[K"))
        let plain = try Command(arguments, in: directory).finish()
        #expect(plain.errors.isEmpty && plain.output == session.pipe)
        let dumb = try run(arguments, in: directory, on: .errors, environment: ["TERM": "dumb"])
        #expect(dumb.status == 0 && dumb.terminal.isEmpty)
      }
    }
  }

  /// A terminal gets a chart as text, as wide as it says it is, or 80 columns.
  @Test func chartsAreTextOnATerminal() throws {
    try withTemporaryDirectory { directory in
      let log = """
        {"step":10,"tokens":80,"loss":2.5}
        {"step":20,"tokens":160,"loss":2.25,"validation_loss":2.75}

        """
      try Data(log.utf8).write(to: URL(fileURLWithPath: directory + "/log.jsonl"))
      let session = try run(["plot", "log.jsonl"], in: directory, on: .output)
      #expect(session.status == 0 && session.terminal.contains("a  training"))
      let lines = session.terminal.split(separator: "\n")
      #expect(lines.count > 20 && lines.allSatisfy { $0.count <= 80 }, "\(session.terminal)")
    }
  }

  /// A sample of bytes has control characters; a terminal would obey them.
  @Test func controlCharactersAreVisible() throws {
    try withSmallFiles { directory in
      try writeSmallModel(to: directory + "/bytes", tokenizer: .bytes)
      let arguments = ["generate", "--model", "bytes", "--prompt", "a", "--tokens", "400"]
      func controls(in text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.filter {
          $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t"
        }
      }
      let raw = try Command(arguments, in: directory).finish()
      let shown = try run(arguments, in: directory, on: .output)
      #expect(raw.status == 0 && shown.status == 0)
      #expect(controls(in: raw.output).contains("\u{1B}"))
      #expect(controls(in: shown.terminal).isEmpty && shown.terminal.contains("\\x1b"))
      let expected = raw.output.unicodeScalars.map { scalar in
        controls(in: String(scalar)).isEmpty
          ? String(scalar) : "\\x" + String(format: "%02x", scalar.value)
      }
      #expect(shown.terminal == expected.joined())
    }
  }
}
