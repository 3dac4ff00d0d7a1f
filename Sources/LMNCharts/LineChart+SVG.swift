extension LineChart {
  /// Most points of a line with a marker each.
  private static var mostMarkers: Int { 40 }

  /// The chart as a complete SVG document.
  public var svg: String {
    let maps = maps
    // A legend with one entry says what the title says.
    let names = series.count > 1 ? series.map(\.name) : []
    var frame = Frame(
      title: title, size: (560, 320), labels: maps.y.ticks.map(\.label), legend: names)
    frame.addValueAxis(maps.y, label: y.label)
    addHorizontalAxis(maps.x, to: &frame)
    for (index, series) in series.enumerated() {
      for part in parts(of: series) { draw(part, of: index, maps, in: &frame) }
    }
    frame.addLegend(names) { svg, index, x, y in
      svg.polyline(
        [(x - 12, y), (x + 12, y)], styles: Palette.line(of: index),
        dashes: Palette.dashes(of: index))
      if series[index].points.count <= Self.mostMarkers {
        svg.polygon(Palette.marker(of: index, at: x, y), styles: Palette.fill(of: index))
      }
    }
    return frame.svg.document(title: title)
  }

  private func addHorizontalAxis(_ map: AxisMap, to frame: inout Frame) {
    // Labels that would overlap are left out.
    var free = -Double.infinity
    for tick in map.ticks {
      guard let place = map.place(of: tick.value) else { continue }
      let x = frame.left + place * frame.width
      frame.svg.line(from: (x, frame.top), to: (x, frame.bottom), styles: "grid")
      let width = SVG.width(of: tick.label)
      guard x - width / 2 > free else { continue }
      frame.svg.text(tick.label, at: x, frame.bottom + 18, anchor: .middle, styles: "faint")
      free = x + width / 2 + 8
    }
    frame.svg.line(
      from: (frame.left, frame.bottom), to: (frame.right, frame.bottom), styles: "axis")
    frame.addBottomLabel(x.label)
  }

  private func draw(
    _ points: [Point], of index: Int, _ maps: (x: AxisMap, y: AxisMap), in frame: inout Frame
  ) {
    func pixel(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
      guard let column = maps.x.place(of: x), let row = maps.y.place(of: y) else { return nil }
      return (frame.left + column * frame.width, frame.bottom - row * frame.height)
    }
    for part in points.split(whereSeparator: { $0.spread == nil }) {
      let upper = part.compactMap { pixel($0.x, $0.spread?.upperBound ?? .nan) }
      let lower = part.compactMap { pixel($0.x, $0.spread?.lowerBound ?? .nan) }
      if part.count > 1 {
        frame.svg.polygon(
          upper + lower.reversed(), styles: "band " + Palette.fill(of: index))
      } else if let top = upper.first, let bottom = lower.first {
        frame.svg.line(from: top, to: bottom, styles: Palette.line(of: index))
      }
    }
    let line = points.compactMap { pixel($0.x, $0.y) }
    if line.count > 1 {
      frame.svg.polyline(
        line, styles: Palette.line(of: index), dashes: Palette.dashes(of: index))
    }
    if series[index].points.count <= Self.mostMarkers || line.count == 1 {
      for point in line {
        frame.svg.polygon(
          Palette.marker(of: index, at: point.x, point.y), styles: Palette.fill(of: index))
      }
    }
  }
}
