import Foundation
import LMNTestSupport
import Testing

@Suite struct PlotTests {
  private let log = """
    {"step":10,"tokens":80,"loss":2.5}
    {"step":20,"tokens":160,"loss":2.25,"validation_loss":2.75}

    """

  @Test func drawsToStandardOutputAndToAFile() throws {
    try withTemporaryDirectory { directory in
      try Data(log.utf8).write(to: URL(fileURLWithPath: directory + "/log.jsonl"))
      let printed = try Command.run("plot", "log.jsonl", in: directory)
      #expect(printed.status == 0 && printed.output.hasPrefix("<svg"))
      #expect(printed.output.contains(">validation<"))
      for _ in 0..<2 {
        // The second time, the chart is replaced.
        let written = try Command.run("plot", ".", "--output", "losses.svg", in: directory)
        #expect(written.status == 0 && written.output.isEmpty)
        #expect(
          try String(contentsOfFile: directory + "/losses.svg", encoding: .utf8).hasPrefix("<svg"))
      }
      // A file of another kind is kept.
      let refused = try Command.run("plot", ".", "--output", "log.jsonl", in: directory)
      #expect(refused.status == 2 && refused.errors.contains("log.jsonl"))
      #expect(try String(contentsOfFile: directory + "/log.jsonl", encoding: .utf8) == log)
    }
  }

  @Test func namesFileAndLineOfAFaultyLog() throws {
    try withTemporaryDirectory { directory in
      try Data((log + "loss\n").utf8).write(to: URL(fileURLWithPath: directory + "/log.jsonl"))
      let result = try Command.run("plot", ".", in: directory)
      #expect(result.status == 2 && result.errors.contains("./log.jsonl, line 3"))
      #expect(try Command.run("plot", "missing", in: directory).status == 2)
      #expect(try Command.run("plot", in: directory).status == 64)
    }
  }
}
