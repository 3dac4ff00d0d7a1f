import Foundation
import LMNCharts
import LMNTestSupport
import Testing

@testable import LMNExperiments

@Suite struct LossCurvesTests {
  private func write(_ text: String, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  private let log = """
    {"step":10,"tokens":80,"loss":2.5}
    {"step":20,"tokens":160,"loss":2.25,"validation_loss":2.75}

    """

  @Test func readsLogsAndDirectories() throws {
    try withTemporaryDirectory { directory in
      try write(log, to: directory + "/a/log.jsonl")
      try write(log, to: directory + "/b.jsonl")
      let one = try LossCurves(of: [directory + "/a"]).chart
      #expect(one.series.map(\.name) == ["training", "validation"])
      #expect(one.series.map { $0.points.map(\.x) } == [[10, 20], [20]])
      #expect(one.series[1].points[0].y == 2.75)
      let both = try LossCurves(of: [directory + "/a/log.jsonl", directory + "/b.jsonl"])
      #expect(both.runs.map(\.name) == ["a", "b.jsonl"])
      #expect(both.chart.series.count == 4)
      // Runs of the same name are told apart by their paths.
      let same = try LossCurves(of: [directory + "/a", directory + "/a"])
      #expect(same.runs[0].name == directory + "/a/log.jsonl")
    }
  }

  @Test func namesTheLineThatIsNoRecord() throws {
    try withTemporaryDirectory { directory in
      let file = directory + "/log.jsonl"
      try write(log + "{\"step\":", to: file)
      #expect(throws: LossCurvesError.noRecord(file: file, line: 3)) {
        try LossCurves(of: [file])
      }
      try write("", to: file)
      #expect(throws: LossCurvesError.noLosses(file: file)) { try LossCurves(of: [file]) }
      #expect(throws: (any Error).self) { try LossCurves(of: [directory + "/missing"]) }
    }
  }
}
