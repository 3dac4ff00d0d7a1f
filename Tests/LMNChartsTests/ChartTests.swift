import Testing

@testable import LMNCharts

@Suite struct ChartTests {
  /// A chart of `count` series whose names are long.
  private func lines(_ count: Int, points: Int = 5) -> LineChart {
    LineChart(
      "Losses of <a & \"b\">\u{1}", x: Axis("step"), y: Axis("loss", unit: "nats"),
      series: (0..<count).map { series in
        .init(
          "network \(series) of a recipe",
          (0..<points).map { .init(Double($0), Double(series + $0 * $0)) })
      })
  }

  private var heatMap: HeatMap {
    HeatMap(
      "right digits", x: "depth", columns: ["0", "50", "100"], y: "length", rows: ["64", "4096"],
      value: Axis("accuracy", unit: "%", range: 0...100), values: [[0, 50.5, 100], [nil, 25, 75]])
  }

  private var bars: BarChart {
    BarChart(
      "right answers", groups: ["recall", "a task with a very long name"],
      value: Axis("accuracy", unit: "%"),
      series: [
        .init("tree", [.init(40, spread: 30...50), nil]), .init("slots", [.init(0), .init(100)]),
      ])
  }

  @Test func isWellFormedWhateverTheTitle() {
    let drawing = Drawing(lines(2).svg)
    #expect(drawing.texts.contains("Losses of <a & \"b\">\u{FFFD}"))
    #expect(drawing.texts.contains("loss (nats)") && drawing.texts.contains("step"))
    _ = Drawing(heatMap.svg)
    _ = Drawing(bars.svg)
  }

  @Test(arguments: [1, 2, 12, 30]) func legendHidesNothing(_ count: Int) throws {
    let chart = lines(count)
    let drawing = Drawing(chart.svg)
    let frame = try #require(drawing.all("svg").first)
    let right = drawing.lines.flatMap(\.points).filter { $0.y.isFinite }
    // Series' lines have five points, those of the legend two.
    let plot = drawing.lines.filter { $0.points.count == 5 }.flatMap(\.points).map(\.x).max() ?? 0
    #expect(drawing.lines.count { $0.points.count == 5 } == count)
    for series in chart.series where count > 1 {
      let entry = try #require(drawing.all("text").first { $0.text == series.name })
      #expect(entry.number("x") > plot)
      #expect(entry.number("x") + SVG.width(of: series.name) <= frame.number("width"))
      #expect(entry.number("y") <= frame.number("height"))
    }
    #expect(right.allSatisfy { $0.x <= frame.number("width") && $0.y <= frame.number("height") })
  }

  @Test func everyTextLiesInTheDrawing() throws {
    for svg in [lines(3).svg, heatMap.svg, bars.svg] {
      let drawing = Drawing(svg)
      let frame = try #require(drawing.all("svg").first)
      for text in drawing.all("text") where text.attributes["transform"] == nil {
        let width = SVG.width(of: text.text)
        let start =
          switch text.attributes["text-anchor"] {
          case "end": text.number("x") - width
          case "middle": text.number("x") - width / 2
          default: text.number("x")
          }
        #expect(start >= 0 && start + width <= frame.number("width"), "\(text.text)")
        #expect((0...frame.number("height")).contains(text.number("y")), "\(text.text)")
      }
    }
  }

  @Test func seriesDifferInMoreThanColour() {
    let styles = (0..<8).map { index in
      Palette.marker(of: index, at: 0, 0).map { "\($0)" }.joined()
        + (Palette.dashes(of: index) ?? "")
    }
    #expect(Set(styles.prefix(7)).count == 7)
    let looks = (0..<24).map { "\(Palette.line(of: $0)) \(Palette.dashes(of: $0) ?? "")" }
    #expect(Set(looks).count == looks.count)
  }

  @Test func interruptsALineAtMissingValues() {
    let points = [1.0, 2, .nan, 3, 0, 4, 5].enumerated().map {
      LineChart.Point(Double($0), $1)
    }
    let chart = LineChart(
      "gaps", x: Axis("x"), y: Axis("y", scale: .logarithmic), series: [.init("a", points)])
    // The lone point between the gaps has a marker only.
    #expect(Drawing(chart.svg).lines.map(\.points.count) == [2, 2])
    #expect(Drawing(chart.svg).all("polygon").count == 5)
  }

  @Test func drawsSpreadsAsBands() {
    let points = [1.0, 2, 3].map { LineChart.Point($0, $0, spread: $0 - 1...$0 + 4) }
    let chart = LineChart("bands", x: Axis("x"), y: Axis("y"), series: [.init("a", points)])
    let band = Drawing(chart.svg).all("polygon").first {
      $0.attributes["class"]?.hasPrefix("band") == true
    }
    #expect(band?.points.count == 6)
    #expect(chart.maps.y.place(of: 7).map { $0 <= 1 } == true)
  }

  @Test func chartsWithoutDataHaveAxes() {
    let chart = LineChart("empty", x: Axis("x"), y: Axis("y"), series: [])
    #expect(Drawing(chart.svg).lines.isEmpty && !chart.text(columns: 60).isEmpty)
  }

  @Test func textShowsEverySeries() {
    let text = lines(3).text(columns: 60)
    let rows = text.split(separator: "\n").map(String.init)
    #expect(rows.allSatisfy { $0.count <= 60 }, "\(text)")
    for letter in "abc" {
      #expect(rows.contains { $0.contains("│") && $0.contains(letter) }, "\(text)")
    }
    #expect(rows.contains { $0.contains("b  network 1 of a recipe") })
    // The largest value is in the first row of the plot, the smallest in the last.
    let plot = rows.filter { $0.contains("│") || $0.contains("┤") }
    #expect(plot[0].contains("20") && plot.last?.contains("a") == true)
  }

  @Test func heatMapHasACellPerValue() {
    let drawing = Drawing(heatMap.svg)
    let cells = drawing.all("rect").filter { $0.attributes["class"] == "cell" }
    #expect(cells.count == 5 && drawing.texts.contains("–") && drawing.texts.contains("50.5"))
    #expect(Set(cells.compactMap { $0.attributes["fill"] }).count == 5)
    #expect(heatMap.text(columns: 80).contains("50.5"))
  }

  @Test func barsStandForTheirValues() throws {
    let drawing = Drawing(bars.svg)
    let heights = drawing.all("rect").filter { $0.attributes["class"]?.hasPrefix("fill") == true }
      .filter { $0.number("width") != 12 }.map { $0.number("height") }
    #expect(heights.count == 3)
    let (tree, full) = (try #require(heights.first), try #require(heights.last))
    #expect(abs(tree / full - 0.4) < 0.01 && heights.contains(0))
    #expect(bars.text(columns: 60).contains("recall, tree"))
  }
}
