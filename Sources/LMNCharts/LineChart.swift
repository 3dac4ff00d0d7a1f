/// Line chart of one or several series of points.
public struct LineChart: Chart {
  /// Point of a series.
  public struct Point: Sendable, Equatable {
    /// Value along the horizontal axis.
    public var x: Double
    /// Value along the vertical axis.
    public var y: Double
    /// Range around y, such as that of several seeds or quantiles; drawn as a band.
    public var spread: ClosedRange<Double>?

    /// A point.
    public init(_ x: Double, _ y: Double, spread: ClosedRange<Double>? = nil) {
      self.x = x
      self.y = y
      self.spread = spread
    }
  }

  /// A named line.
  public struct Series: Sendable, Equatable {
    /// Name in the legend.
    public var name: String
    /// Points in the order of the line.
    ///
    /// A point that an axis cannot show, such as NaN, interrupts the line.
    public var points: [Point]

    /// A named line.
    public init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  /// Title, a line above the chart.
  public var title: String
  /// Horizontal axis.
  public var x: Axis
  /// Vertical axis.
  public var y: Axis
  /// The lines.
  public var series: [Series]

  /// A line chart.
  ///
  /// - Parameters:
  ///   - title: Title.
  ///   - x: Horizontal axis.
  ///   - y: Vertical axis.
  ///   - series: The lines.
  public init(_ title: String, x: Axis, y: Axis, series: [Series]) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
  }

  /// Maps of both axes, which cover all points.
  var maps: (x: AxisMap, y: AxisMap) {
    let points = series.flatMap(\.points).filter { x.contains($0.x) && y.contains($0.y) }
    let ends = points.compactMap(\.spread).flatMap { [$0.lowerBound, $0.upperBound] }
    return (
      AxisMap(x, covering: points.map(\.x)), AxisMap(y, covering: points.map(\.y) + ends)
    )
  }

  /// The parts of a line without interruptions.
  func parts(of series: Series) -> [[Point]] {
    series.points.split { !x.contains($0.x) || !y.contains($0.y) }.map(Array.init)
  }
}
