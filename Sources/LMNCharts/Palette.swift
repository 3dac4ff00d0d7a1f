/// Colours, dashes and markers of a chart's series.
///
/// Colours are those of Okabe and Ito, which readers with any common colour blindness can tell apart;
/// brown replaces yellow on a light background, and lighter blues the two that are too dark or alike
/// on a dark one. Markers and dashes tell series apart without colours, too.
enum Palette {
  /// Colours of the series on a light and on a dark background.
  static let colours: [(light: String, dark: String)] = [
    ("#0072B2", "#3C86F0"), ("#D55E00", "#D55E00"), ("#009E73", "#009E73"),
    ("#CC79A7", "#CC79A7"), ("#000000", "#FFFFFF"), ("#E69F00", "#E69F00"),
    ("#56B4E9", "#B5E3FF"), ("#6E4A1A", "#F0E442"),
  ]
  /// Colours of the backgrounds.
  static let surface = (light: "#FFFFFF", dark: "#161616")
  private static let dashes: [String?] = [nil, "7 3", "2 3", "9 3 2 3"]

  /// Style names of a series' line, and of the areas in its colour.
  static func line(of series: Int) -> String { "line stroke\(series % colours.count)" }
  static func fill(of series: Int) -> String { "fill\(series % colours.count)" }

  /// Dashes of a series' line: another pattern for each round through the colours.
  static func dashes(of series: Int) -> String? { dashes[series / colours.count % dashes.count] }

  /// Style sheet of a chart; colours follow the reader's preference.
  static let style: String = {
    func rules(isDark: Bool) -> String {
      let (ink, faint, grid) =
        isDark ? ("#EDEDED", "#B8B8B8", "#3C3C3C") : ("#1A1A1A", "#555555", "#DDDDDD")
      let series = colours.enumerated().map { index, pair in
        let colour = isDark ? pair.dark : pair.light
        return ".lmn-chart .stroke\(index){stroke:\(colour)}"
          + ".lmn-chart .fill\(index){fill:\(colour)}"
      }
      return
        ".lmn-chart .surface{fill:\(isDark ? surface.dark : surface.light)}.lmn-chart .text{fill:\(ink)}"
        + ".lmn-chart .faint{fill:\(faint)}.lmn-chart .grid{stroke:\(grid)}"
        + ".lmn-chart .axis{stroke:\(faint)}.lmn-chart .spread{stroke:\(ink);stroke-width:1.5}"
        + series.joined()
    }
    return ".lmn-chart text{font:12px system-ui,sans-serif}"
      + ".lmn-chart .title{font-size:14px;font-weight:600}"
      + ".lmn-chart .line{fill:none;stroke-width:2;stroke-linejoin:round}"
      + ".lmn-chart .band{fill-opacity:.2}"
      + ".lmn-chart .onlight{fill:#1A1A1A}.lmn-chart .ondark{fill:#FFFFFF}"
      + rules(isDark: false) + "@media (prefers-color-scheme:dark){" + rules(isDark: true) + "}"
  }()

  /// Character of a series in a chart of text.
  static func letter(of series: Int) -> Character {
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    return letters[series % letters.count]
  }

  /// Corners of the marker of a series, around a point: shapes differ between neighbours.
  static func marker(of series: Int, at x: Double, _ y: Double) -> [(x: Double, y: Double)] {
    let shapes: [[(Double, Double)]] = [
      // Circle, square, triangle, diamond, inverted triangle, plus, hourglass.
      circle, [(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)],
      [(0, -4.5), (4.5, 3.5), (-4.5, 3.5)], [(0, -5), (5, 0), (0, 5), (-5, 0)],
      [(0, 4.5), (4.5, -3.5), (-4.5, -3.5)], plus,
      [(-4, -4), (4, -4), (-4, 4), (4, 4)],
    ]
    return shapes[series % shapes.count].map { (x + $0.0, y + $0.1) }
  }

  private static let circle: [(Double, Double)] = [
    (4, 0), (3.5, 2), (2, 3.5), (0, 4), (-2, 3.5), (-3.5, 2), (-4, 0), (-3.5, -2), (-2, -3.5),
    (0, -4), (2, -3.5), (3.5, -2),
  ]
  private static let plus: [(Double, Double)] = [
    (-1.5, -5), (1.5, -5), (1.5, -1.5), (5, -1.5), (5, 1.5), (1.5, 1.5), (1.5, 5), (-1.5, 5),
    (-1.5, 1.5), (-5, 1.5), (-5, -1.5), (-1.5, -1.5),
  ]
}
