extension LineChart {
  /// The chart as text for a terminal; each series has a letter.
  public func text(columns: Int) -> String {
    let maps = maps
    let margin = maps.y.ticks.map(\.label.count).max() ?? 0
    let (width, height) = (max(columns, 40) - margin - 3, 18)
    var grid = [[Character]](
      repeating: [Character](repeating: " ", count: width), count: height)
    for (index, series) in series.enumerated() {
      for part in parts(of: series) {
        for (column, row) in cells(of: part, maps, width: width, height: height) {
          grid[row][column] = Palette.letter(of: index)
        }
      }
    }
    var labels = [Int: String]()
    for tick in maps.y.ticks {
      if let place = maps.y.place(of: tick.value) {
        labels[Self.row(at: place, of: height)] = tick.label
      }
    }
    var lines = [title.shortened(to: columns), y.label.shortened(to: columns)]
    for (row, cells) in grid.enumerated() {
      let label = labels[row]
      lines.append((label ?? "").right(margin) + (label == nil ? " │" : " ┤") + String(cells))
    }
    let (ruler, ticks) = horizontalAxis(maps.x, width: width)
    lines.append(String(repeating: " ", count: margin) + " └" + ruler)
    lines.append(String(repeating: " ", count: margin + 2) + ticks)
    lines.append(String(repeating: " ", count: margin + 2) + x.label.shortened(to: width))
    if series.count > 1 {
      lines += series.enumerated().map { index, series in
        "  \(Palette.letter(of: index))  \(series.name.shortened(to: columns - 5))"
      }
    }
    return lines.map { Self.withoutSpaces(atTheEndOf: $0) + "\n" }.joined()
  }

  /// The characters that a line passes, with one row per column between its points.
  private func cells(
    of points: [Point], _ maps: (x: AxisMap, y: AxisMap), width: Int, height: Int
  ) -> [(column: Int, row: Int)] {
    let places = points.compactMap { point -> (x: Double, y: Double)? in
      guard let x = maps.x.place(of: point.x), let y = maps.y.place(of: point.y) else { return nil }
      return (x * Double(width - 1), y)
    }
    let ends = places.map { (Int($0.x.rounded()), Self.row(at: $0.y, of: height)) }
    let between = zip(places, places.dropFirst()).flatMap { start, end in
      let (first, last) = (min(start.x, end.x), max(start.x, end.x))
      return stride(from: first.rounded(.up), to: last, by: 1).map { column in
        let y = start.y + (end.y - start.y) * (column - start.x) / (end.x - start.x)
        return (Int(column), Self.row(at: y, of: height))
      }
    }
    return between + ends
  }

  private static func row(at place: Double, of height: Int) -> Int {
    height - 1 - Int((place * Double(height - 1)).rounded())
  }

  /// The line below the plot with its ticks, and the labels below them that have room.
  private func horizontalAxis(_ map: AxisMap, width: Int) -> (ruler: String, labels: String) {
    var ruler = [Character](repeating: "─", count: width)
    var labels = [Character](repeating: " ", count: width)
    var free = 0
    for tick in map.ticks {
      guard let place = map.place(of: tick.value) else { continue }
      let column = Int((place * Double(width - 1)).rounded())
      ruler[column] = "┬"
      let start = max(0, min(column - tick.label.count / 2, width - tick.label.count))
      guard start >= free else { continue }
      labels.replaceSubrange(start..<start + tick.label.count, with: tick.label)
      free = start + tick.label.count + 1
    }
    return (String(ruler), String(labels))
  }

  private static func withoutSpaces(atTheEndOf line: String) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }
}
