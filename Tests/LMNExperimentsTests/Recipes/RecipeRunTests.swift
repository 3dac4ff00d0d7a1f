import Foundation
import LMNCharts
import LMNModel
import LMNTestSupport
import Synchronization
import Testing

@testable import LMNExperiments

/// A recipe of four cells that count their measurements.
private struct CountingRecipe: Recipe {
  static let name = "counting"
  static let summary = "Counts."
  let counts = Counts()
  var offset = 0.0

  init(_ form: RecipeForm, files: [RecipeFile]) {}
  init(offset: Double = 0) { self.offset = offset }

  final class Counts: Sendable {
    let all = Mutex<[String: Int]>([:])
    var byCell: [String: Int] { all.withLock { $0 } }
  }

  var cells: [Cell] {
    ["a, b", "c"].flatMap { kind in
      [1, 2].map { seed in
        let (counts, offset) = (counts, offset)
        return Cell(
          [.init("kind", kind), .init("seed", seed)], ["offset": offset],
          cost: Double(seed), needsOwnProcess: kind == "c"
        ) { work in
          counts.all.withLock { $0["\(kind) \(seed)", default: 0] += 1 }
          try work.advance(to: 0.5)
          return [
            MeasuredValue("size (bytes)", Double(seed)), MeasuredValue("nothing", .nan),
            MeasuredValue("loss", at: ["step": 10], 3),
          ].compactMap(\.self)
        }
      }
    }
  }

  func report(on results: Results) -> Report {
    Report(
      "Counts <&>",
      [
        .heading("Sizes"),
        .table(
          ReportTable(
            ["kind", "size"],
            results.values(of: "kind").map { kind in
              [
                kind,
                results.summary("size (bytes)", where: ["kind": kind])?.text { $0.decimals(2) }
                  ?? "–",
              ]
            })),
        .chart(
          LineChart(
            "sizes", x: Axis("x"), y: Axis("y"), series: [.init("a", [.init(1, 2), .init(2, 3)])]),
          name: "sizes"),
      ])
  }
}

@Suite struct RecipeRunTests {
  /// Runs a recipe; isolated cells are measured here.
  private func run(
    _ recipe: CountingRecipe, in directory: String, resuming: Bool = false,
    shouldStop: @escaping () -> Bool = { false },
    report: @escaping (RecipeRun.Event) -> Void = { _ in }
  ) throws -> [String]? {
    var run = try RecipeRun(recipe, form: .full, in: directory)
    try run.begin(resuming: resuming)
    return try run.run(
      shouldStop: shouldStop, isolated: { try $0.measure(CellWork(directory: "")) }, report: report)
  }

  @Test func writesReportsResultsAndConfigurations() throws {
    try withTemporaryDirectory { directory in
      let files = try #require(try run(CountingRecipe(), in: directory + "/x/y"))
      #expect(files.first == directory + "/x/y/report.html")
      let contents = try LMNTestSupport.files(in: directory + "/x/y")
      func text(_ name: String) -> String {
        String(decoding: contents[name] ?? Data(), as: UTF8.self)
      }
      #expect(text("report.md").contains("| a, b | 1.50 ± 0.71 |"))
      #expect(text("report.md").contains("![sizes](sizes.svg)"))
      #expect(text("sizes.svg").hasPrefix("<svg"))
      let html = text("report.html")
      #expect(html.contains("Counts &lt;&amp;&gt;") && html.contains("<svg"))
      // Nothing is fetched: no file, style, font or script of another address.
      for word in ["href", "src=", "url(", "@import", "<script"] { #expect(!html.contains(word)) }
      #expect(
        text("results.csv").split(separator: "\r\n").prefix(3) == [
          "kind,seed,step,quantity,value", "\"a, b\",1,,size (bytes),1.0",
          "\"a, b\",1,10.0,loss,3.0",
        ])
      let settings = try #require(
        try JSONSerialization.jsonObject(with: contents["configurations.json"] ?? Data())
          as? [String: Any])
      #expect((settings["cells"] as? [[String: Any]])?.count == 4)
      #expect(contents.keys.count { $0.hasPrefix("cells/") } == 4)
    }
  }

  @Test func aFinishedCellIsNotMeasuredAgain() throws {
    try withTemporaryDirectory { directory in
      let recipe = CountingRecipe()
      // Stops within the second cell.
      let stopping = { recipe.counts.byCell.count == 2 }
      #expect(try run(recipe, in: directory, shouldStop: stopping) == nil)
      #expect(names(in: directory + "/cells") == ["a--b_seed-1.json"])
      #expect(names(in: directory) == ["cells", "configurations.json"])
      _ = try #require(try run(recipe, in: directory, resuming: true))
      #expect(recipe.counts.byCell == ["a, b 1": 1, "a, b 2": 2, "c 1": 1, "c 2": 1])
      // A third run only writes the report.
      _ = try #require(try run(recipe, in: directory, resuming: true))
      #expect(recipe.counts.byCell.values.reduce(0, +) == 5)
    }
  }

  @Test func progressGrowsToTheEnd() throws {
    try withTemporaryDirectory { directory in
      var parts: [Double] = []
      _ = try run(
        CountingRecipe(), in: directory,
        report: { if case .progress(_, let part) = $0 { parts.append(part) } })
      #expect(parts == parts.sorted() && parts.first == 0)
      // Costs 1, 2, 1, 2; the isolated cells report their beginnings only.
      #expect(parts.last == 4.0 / 6)
      #expect(parts.contains(2.0 / 6))
    }
  }

  /// Cells of both kinds of sweeps over learning rates end at the next step when the user asks to
  /// stop.
  @Test func sweepsStopAtTheNextStep() throws {
    let copying = SelectiveCopying.Size(blanks: 4, symbols: 2)
    var settings = SweepSettings(model: Configuration(vocabularySize: 1))
    (settings.examples, settings.evaluations) = (20_000, 1)
    let paired = try RecallRecipe(.quick, files: []).cells.first {
      $0.labels.contains(.init("task", "paired"))
    }
    let task = try SelectiveCopying(
      vocabularySize: 4, trainingSizes: [copying], testSizes: [copying])
    let cells = [try #require(paired), .sweep([], on: task, settings)]
    for cell in cells {
      var parts: [Double] = []
      let work = CellWork(directory: "", shouldStop: { parts.count == 3 }) { parts.append($0) }
      #expect(throws: RecipeInterruption.self) { try computing { try cell.measure(work) } }
      #expect(parts.count == 3 && parts[0] > 0 && parts[2] < 0.02, "\(parts)")
    }
  }

  @Test func refusesDirectoriesOfOtherRuns() throws {
    try withTemporaryDirectory { directory in
      #expect(throws: RecipeError.nothingToResume(directory: directory)) {
        try run(CountingRecipe(), in: directory, resuming: true)
      }
      _ = try run(CountingRecipe(), in: directory)
      let before = try files(in: directory)
      #expect(throws: RecipeError.occupied(directory: directory)) {
        try run(CountingRecipe(), in: directory)
      }
      #expect(throws: RecipeError.anotherRecipe(file: directory + "/configurations.json")) {
        try run(CountingRecipe(offset: 1), in: directory, resuming: true)
      }
      #expect(try files(in: directory) == before)
      let cell = directory + "/cells/c_seed-1.json"
      try Data("{".utf8).write(to: URL(fileURLWithPath: cell))
      #expect(throws: RecipeError.unreadableCell(file: cell)) {
        try run(CountingRecipe(), in: directory, resuming: true)
      }
    }
  }

  @Test func summariesHaveMeanAndSpread() throws {
    let summary = try #require(Summary([1, 2, 6]))
    #expect(summary.mean == 3 && summary.range == 1...6 && summary.deviation == 7.0.squareRoot())
    #expect(Summary([4])?.deviation == nil && Summary([]) == nil)
  }

  @Test func claimsHaveAVerdict() {
    let claims = [
      Claim("a", measured: "1", holds: true), Claim("b", measured: "2", holds: false),
      Claim("c", measured: nil, holds: true),
    ]
    #expect(claims.map(\.verdict) == [.reproduced, .notReproduced, .notTestable])
  }
}
