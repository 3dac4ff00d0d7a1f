/// A chart that is drawn as SVG or as text.
public protocol Chart: Sendable {
  /// Title, a line above the chart.
  var title: String { get }

  /// The chart as a complete SVG document, in light or dark colours as the reader prefers.
  var svg: String { get }

  /// The chart as text for a terminal.
  ///
  /// - Parameter columns: Width in characters, at least 40.
  /// - Returns: Lines, each with a line feed.
  func text(columns: Int) -> String
}
