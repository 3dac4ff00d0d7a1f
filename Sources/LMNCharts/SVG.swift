/// Builder of an SVG document.
struct SVG {
  private(set) var width: Double
  private(set) var height: Double
  private var elements = ""

  init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  /// Line height of text, in pixels.
  static let lineHeight = 18.0

  /// Estimated width of a text in pixels; wide enough for common fonts.
  static func width(of text: String) -> Double { 7 * Double(text.count) }

  /// Anchor of a text.
  enum Anchor: String { case start, middle, end }

  /// Adds text.
  mutating func text(
    _ text: String, at x: Double, _ y: Double, anchor: Anchor = .start, styles: String = "text",
    rotated: Bool = false
  ) {
    let turn = rotated ? #" transform="rotate(-90 \#(x.pixels) \#(y.pixels))""# : ""
    elements +=
      #"<text class="\#(styles)" x="\#(x.pixels)" y="\#(y.pixels)" "#
      + #"text-anchor="\#(anchor.rawValue)"\#(turn)>\#(text.escaped)</text>\#n"#
  }

  /// Adds a straight line.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), styles: String,
    dashes: String? = nil
  ) {
    let dashes = dashes.map { #" stroke-dasharray="\#($0)""# } ?? ""
    elements +=
      #"<line class="\#(styles)" x1="\#(start.x.pixels)" y1="\#(start.y.pixels)" "#
      + #"x2="\#(end.x.pixels)" y2="\#(end.y.pixels)"\#(dashes)/>\#n"#
  }

  /// Adds a rectangle, with a tooltip if given.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, styles: String, fill: String? = nil,
    tooltip: String? = nil
  ) {
    let fill = fill.map { #" fill="\#($0)""# } ?? ""
    elements +=
      #"<rect class="\#(styles)" x="\#(x.pixels)" y="\#(y.pixels)" "#
      + #"width="\#(width.pixels)" height="\#(height.pixels)"\#(fill)>"#
      + (tooltip.map { "<title>\($0.escaped)</title>" } ?? "") + "</rect>\n"
  }

  /// Adds a line through points.
  mutating func polyline(_ points: [(x: Double, y: Double)], styles: String, dashes: String?) {
    let dashes = dashes.map { #" stroke-dasharray="\#($0)""# } ?? ""
    elements += #"<polyline class="\#(styles)" points="\#(points.pixels)"\#(dashes)/>\#n"#
  }

  /// Adds a filled polygon.
  mutating func polygon(_ points: [(x: Double, y: Double)], styles: String) {
    elements += #"<polygon class="\#(styles)" points="\#(points.pixels)"/>\#n"#
  }

  /// The document.
  ///
  /// - Parameter title: Title for readers that do not see the chart.
  /// - Returns: The text of the document.
  func document(title: String) -> String {
    let (width, height) = (width.pixels, height.pixels)
    return #"<svg class="lmn-chart" xmlns="http://www.w3.org/2000/svg" role="img" "#
      + #"aria-label="\#(title.escaped)" width="\#(width)" height="\#(height)" "#
      + #"viewBox="0 0 \#(width) \#(height)">\#n<style>\#(Palette.style)</style>\#n"#
      + #"<rect class="surface" width="\#(width)" height="\#(height)"/>\#n\#(elements)</svg>\#n"#
  }
}

extension [(x: Double, y: Double)] {
  fileprivate var pixels: String {
    map { "\($0.x.pixels),\($0.y.pixels)" }.joined(separator: " ")
  }
}

extension Double {
  /// A coordinate with one decimal.
  fileprivate var pixels: String {
    let tenths = Int((self * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }
}

extension String {
  /// The text as content or attribute of XML; characters that XML does not allow become `�`.
  var escaped: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
