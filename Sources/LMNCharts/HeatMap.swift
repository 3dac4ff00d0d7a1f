/// Heat map: a table of values, drawn as coloured cells with their numbers.
public struct HeatMap: Chart {
  /// Title, a line above the chart.
  public var title: String
  /// Quantity along the horizontal axis, and the columns' names.
  public var (x, columns): (String, [String])
  /// Quantity along the vertical axis, and the rows' names, from top to bottom.
  public var (y, rows): (String, [String])
  /// Quantity and unit of the values, and the range of the colours.
  public var value: Axis
  /// Values by row and column; nil where there is none.
  public var values: [[Double?]]

  /// A heat map.
  ///
  /// - Parameters:
  ///   - title: Title.
  ///   - x: Quantity along the horizontal axis.
  ///   - columns: Names of the columns.
  ///   - y: Quantity along the vertical axis.
  ///   - rows: Names of the rows, from top to bottom.
  ///   - value: Quantity, unit and range of the values.
  ///   - values: Values by row and column; nil where there is none.
  /// - Precondition: There is a list of values per row, each with a value per column.
  public init(
    _ title: String, x: String, columns: [String], y: String, rows: [String], value: Axis,
    values: [[Double?]]
  ) {
    precondition(
      values.count == rows.count && values.allSatisfy { $0.count == columns.count },
      "HeatMap: \(values.map(\.count)) values for \(rows.count) rows of \(columns.count) columns")
    self.title = title
    (self.x, self.columns, self.y, self.rows) = (x, columns, y, rows)
    (self.value, self.values) = (value, values)
  }

  /// The chart as a complete SVG document.
  public var svg: String {
    let numbers = values.flatMap { $0 }.compactMap { $0 }.filter(\.isFinite)
    let map = AxisMap(value, covering: numbers)
    let widest = (columns + numbers.map(\.short)).map(SVG.width).max() ?? 0
    // High enough for the label of the rows, which stands upright.
    let cellHeight = max(28, (SVG.width(of: y) + 8) / Double(max(rows.count, 1)))
    let cellWidth = max(44, widest + 10)
    var frame = Frame(
      title: title,
      size: (cellWidth * Double(columns.count), cellHeight * Double(rows.count)), labels: rows,
      legend: [], caption: "\(x); cells: \(value.label)")
    frame.svg.text(
      y, at: 16, frame.top + frame.height / 2, anchor: .middle, styles: "text", rotated: true)
    for (row, values) in values.enumerated() {
      let top = frame.top + cellHeight * Double(row)
      frame.svg.text(
        rows[row], at: frame.left - 8, top + cellHeight / 2 + 4, anchor: .end, styles: "faint")
      for (column, value) in values.enumerated() {
        let left = frame.left + cellWidth * Double(column)
        guard let value, let place = map.place(of: value) else {
          frame.svg.text(
            "–", at: left + cellWidth / 2, top + cellHeight / 2 + 4, anchor: .middle,
            styles: "faint")
          continue
        }
        frame.svg.rectangle(
          x: left + 0.5, y: top + 0.5, width: cellWidth - 1, height: cellHeight - 1, styles: "cell",
          fill: ColourMap.colour(at: place),
          tooltip: "\(x) \(columns[column]), \(y) \(rows[row]): \(value.short)")
        frame.svg.text(
          value.short, at: left + cellWidth / 2, top + cellHeight / 2 + 4, anchor: .middle,
          styles: ColourMap.isLight(at: place) ? "onlight" : "ondark")
      }
    }
    for (column, name) in columns.enumerated() {
      frame.svg.text(
        name, at: frame.left + cellWidth * (Double(column) + 0.5), frame.bottom + 18,
        anchor: .middle, styles: "faint")
    }
    return frame.svg.document(title: title)
  }

  /// The table of the values as text.
  public func text(columns width: Int) -> String {
    let names = ["\(y) ╲ \(x)"] + rows
    let cells = [columns] + values.map { $0.map { $0.map(\.short) ?? "–" } }
    let margin = names.map(\.count).max() ?? 0
    let cellWidth = 1 + (cells.flatMap { $0 }.map(\.count).max() ?? 0)
    let lines = zip(names, cells).map { name, cells in
      name.left(margin) + cells.map { " " + $0.right(cellWidth) }.joined()
    }
    return ([title, value.label] + lines).map { $0.shortened(to: width) + "\n" }.joined()
  }
}

/// Sequential colour map: viridis, which is even in lightness and safe for colour-blind readers.
enum ColourMap {
  private static let stops: [(Double, Double, Double)] = [
    (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137),
    (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
  ]

  /// The colour at a place from 0, dark, to 1, light.
  static func colour(at place: Double) -> String {
    let position = min(max(place, 0), 1) * Double(stops.count - 1)
    let index = min(Int(position), stops.count - 2)
    let part = position - Double(index)
    let (low, high) = (stops[index], stops[index + 1])
    let channels = [(low.0, high.0), (low.1, high.1), (low.2, high.2)].map { low, high in
      "\(Int((low + (high - low) * part).rounded()))"
    }
    return "rgb(\(channels.joined(separator: ",")))"
  }

  /// Whether dark text is easier to read there than light text.
  static func isLight(at place: Double) -> Bool { place > 0.55 }
}
