/// Chart of grouped bars: a bar per group and series.
public struct BarChart: Chart {
  /// Height of a bar.
  public struct Bar: Sendable, Equatable {
    /// Value, from 0.
    public var value: Double
    /// Range around the value, such as that of several seeds; drawn as a line.
    public var spread: ClosedRange<Double>?

    /// A bar.
    public init(_ value: Double, spread: ClosedRange<Double>? = nil) {
      self.value = value
      self.spread = spread
    }
  }

  /// Bars of one colour, one per group.
  public struct Series: Sendable, Equatable {
    /// Name in the legend.
    public var name: String
    /// Bars by group; nil where there is none.
    public var bars: [Bar?]

    /// Bars of one colour.
    public init(_ name: String, _ bars: [Bar?]) {
      self.name = name
      self.bars = bars
    }
  }

  /// Title, a line above the chart.
  public var title: String
  /// Names of the groups, from left to right.
  public var groups: [String]
  /// Axis of the values, with a linear scale from 0.
  public var value: Axis
  /// The series.
  public var series: [Series]

  /// A chart of grouped bars.
  ///
  /// - Parameters:
  ///   - title: Title.
  ///   - groups: Names of the groups, from left to right.
  ///   - value: Axis of the values; its scale is linear, and contains 0.
  ///   - series: The series.
  /// - Precondition: Each series has a bar, or nil, per group.
  public init(_ title: String, groups: [String], value: Axis, series: [Series]) {
    precondition(
      series.allSatisfy { $0.bars.count == groups.count },
      "BarChart: \(series.map(\.bars.count)) bars for \(groups.count) groups")
    self.title = title
    self.groups = groups
    self.value = value
    self.value.scale = .linear
    self.series = series
  }

  private var map: AxisMap {
    let bars = series.flatMap(\.bars).compactMap { $0 }
    let ends = bars.compactMap(\.spread).flatMap { [$0.lowerBound, $0.upperBound] }
    return AxisMap(value, covering: [0] + bars.map(\.value) + ends)
  }

  /// The chart as a complete SVG document.
  public var svg: String {
    let map = map
    let names = series.count > 1 ? series.map(\.name) : []
    let barWidth = max(6, min(28, 520 / Double(max(1, groups.count * series.count))))
    let groupWidth = barWidth * Double(series.count) + 16
    let longest = groups.map(SVG.width).max() ?? 0
    // Names too long for the width of their group stand upright.
    let isUpright = longest > groupWidth - 6
    var frame = Frame(
      title: title, size: (max(200, groupWidth * Double(groups.count)), 280),
      labels: map.ticks.map(\.label), legend: names, bottom: isUpright ? longest + 26 : 32)
    frame.addValueAxis(map, label: value.label)
    guard let base = map.place(of: 0) else { return frame.svg.document(title: title) }
    func y(_ place: Double) -> Double { frame.bottom - place * frame.height }
    for (group, name) in groups.enumerated() {
      let left = frame.left + groupWidth * Double(group) + 8
      for (index, series) in series.enumerated() {
        guard let bar = series.bars[group], let place = map.place(of: bar.value) else { continue }
        let x = left + barWidth * Double(index)
        frame.svg.rectangle(
          x: x + 0.5, y: y(max(place, base)), width: barWidth - 1,
          height: abs(place - base) * frame.height, styles: Palette.fill(of: index),
          tooltip: "\(name), \(series.name): \(bar.value.short)")
        if let spread = bar.spread, let low = map.place(of: spread.lowerBound),
          let high = map.place(of: spread.upperBound)
        {
          let middle = x + barWidth / 2
          frame.svg.line(from: (middle, y(low)), to: (middle, y(high)), styles: "spread")
        }
      }
      let middle = left + groupWidth / 2 - 8
      if isUpright {
        frame.svg.text(
          name, at: middle + 4, frame.bottom + 10, anchor: .end, styles: "faint", rotated: true)
      } else {
        frame.svg.text(name, at: middle, frame.bottom + 18, anchor: .middle, styles: "faint")
      }
    }
    frame.svg.line(from: (frame.left, y(base)), to: (frame.right, y(base)), styles: "axis")
    frame.addLegend(names) { svg, index, x, y in
      svg.rectangle(
        x: x - 6, y: y - 6, width: 12, height: 12, styles: Palette.fill(of: index))
    }
    return frame.svg.document(title: title)
  }

  /// Horizontal bars as text, with their values.
  public func text(columns: Int) -> String {
    let map = map
    let labels = groups.flatMap { group in
      series.map { series.count > 1 ? "\(group), \($0.name)" : group }
    }
    let bars = groups.indices.flatMap { group in series.map { $0.bars[group] } }
    let margin = min(labels.map(\.count).max() ?? 0, columns / 2)
    let width = max(columns - margin - 12, 8)
    let lines = zip(labels, bars).map { label, bar in
      let label = label.shortened(to: margin).left(margin) + " "
      guard let bar, let place = map.place(of: bar.value), let base = map.place(of: 0) else {
        return label + "–"
      }
      let length = Int((abs(place - base) * Double(width)).rounded())
      return label + String(repeating: "█", count: length) + " " + bar.value.short
    }
    return ([title.shortened(to: columns), value.label] + lines).map { $0 + "\n" }.joined()
  }
}
