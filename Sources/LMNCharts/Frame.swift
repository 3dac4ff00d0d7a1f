/// Title, plot area, value axis and legend of a chart in SVG.
///
/// The legend stands to the right of the plot area, so it hides nothing.
struct Frame {
  /// Plot area, in pixels.
  let (left, top, width, height): (Double, Double, Double, Double)
  var svg: SVG

  /// A frame with room for what stands around the plot area.
  ///
  /// - Parameters:
  ///   - title: Title.
  ///   - size: Size of the plot area.
  ///   - labels: Labels left of the plot area.
  ///   - names: Names of the legend; none for no legend.
  ///   - caption: Text below the plot area, from its left edge.
  ///   - bottom: Height below the plot area.
  init(
    title: String, size: (width: Double, height: Double), labels: [String], legend names: [String],
    caption: String = "", bottom: Double = 52
  ) {
    left = 36 + (labels.map(SVG.width).max() ?? 0)
    (top, width, height) = (44, size.width, size.height)
    let legend = names.isEmpty ? 20 : 56 + (names.map(SVG.width).max() ?? 0)
    let rows = max(size.height, Double(names.count) * SVG.lineHeight)
    svg = SVG(
      width: max(
        left + width + legend, 32 + 1.3 * SVG.width(of: title),
        left + SVG.width(of: caption) + 16),
      height: top + rows + bottom)
    svg.text(title, at: 16, 24, styles: "text title")
    if !caption.isEmpty { svg.text(caption, at: left, top + height + 40) }
  }

  var right: Double { left + width }
  var bottom: Double { top + height }

  /// Draws labels and lines of the values from bottom to top.
  mutating func addValueAxis(_ map: AxisMap, label: String) {
    for tick in map.ticks {
      guard let place = map.place(of: tick.value) else { continue }
      let y = bottom - place * height
      svg.line(from: (left, y), to: (right, y), styles: "grid")
      svg.text(tick.label, at: left - 8, y + 4, anchor: .end, styles: "faint")
    }
    svg.text(
      label, at: 16, top + height / 2, anchor: .middle, styles: "text", rotated: true)
  }

  /// Draws the label below the plot area.
  mutating func addBottomLabel(_ label: String) {
    svg.text(label, at: left + width / 2, bottom + 40, anchor: .middle)
  }

  /// Draws the legend; `mark` draws the mark of an entry of width 24 whose middle is given.
  mutating func addLegend(
    _ names: [String], mark: (_ svg: inout SVG, _ index: Int, _ x: Double, _ y: Double) -> Void
  ) {
    for (index, name) in names.enumerated() {
      let y = top + SVG.lineHeight * (Double(index) + 0.5)
      mark(&svg, index, right + 26, y)
      svg.text(name, at: right + 44, y + 4)
    }
  }
}
