/// Results of the cells of a recipe.
public struct Results: Sendable {
  /// Result of one cell, as its file has it.
  public struct Entry: Sendable, Equatable, Codable {
    /// Identifier of the cell.
    public let id: String
    /// Labels of the cell.
    public let labels: [Cell.Label]
    /// Measured values.
    public let measurements: [MeasuredValue]
    /// Duration in seconds.
    public let seconds: Double
    /// Date of the measurement, as YYYY-MM-DD.
    public let date: String
    /// Machine of the measurement.
    public let machine: Machine

    /// The value of a label.
    func label(_ name: String) -> String? { labels.first { $0.name == name }?.value }
  }

  /// The cells' results, in the order of the cells.
  public let entries: [Entry]

  /// Values of a quantity over the cells that are selected, such as those of several seeds.
  ///
  /// - Parameters:
  ///   - quantity: Name of the quantity.
  ///   - labels: Labels that a cell must have.
  ///   - coordinates: Coordinates of the measurement; nil for any.
  /// - Returns: Mean and spread; nil without a value.
  func summary(
    _ quantity: String, where labels: [String: String] = [:],
    at coordinates: [String: Double]? = [:]
  ) -> Summary? {
    Summary(
      entries.filter { $0.matches(labels) }.flatMap { entry in
        entry.measurements.filter {
          $0.quantity == quantity && (coordinates == nil || $0.at == coordinates)
        }.map(\.value)
      })
  }

  /// Values of a quantity along a coordinate, each over the cells that are selected.
  ///
  /// - Parameters:
  ///   - quantity: Name of the quantity.
  ///   - coordinate: Name of the coordinate.
  ///   - labels: Labels that a cell must have.
  ///   - others: Other coordinates of the measurement.
  /// - Returns: Coordinate and values, ascending.
  func curve(
    _ quantity: String, along coordinate: String, where labels: [String: String] = [:],
    at others: [String: Double] = [:]
  ) -> [(x: Double, summary: Summary)] {
    var values: [Double: [Double]] = [:]
    for entry in entries where entry.matches(labels) {
      for measurement in entry.measurements where measurement.quantity == quantity {
        var rest = measurement.at
        guard let x = rest.removeValue(forKey: coordinate), rest == others else { continue }
        values[x, default: []].append(measurement.value)
      }
    }
    return values.keys.sorted().compactMap { x in
      values[x].flatMap(Summary.init).map { (x, $0) }
    }
  }

  /// Different values of a label, in the order of the cells.
  func values(of label: String) -> [String] {
    var seen: Set<String> = []
    return entries.compactMap { $0.label(label) }.filter { seen.insert($0).inserted }
  }
}

extension Results.Entry {
  func matches(_ labels: [String: String]) -> Bool {
    labels.allSatisfy { label($0.key) == $0.value }
  }
}

/// Mean and spread of values, such as those of several seeds.
public struct Summary: Sendable, Equatable {
  /// Mean.
  public let mean: Double
  /// Smallest and largest value.
  public let range: ClosedRange<Double>
  /// Sample standard deviation; nil for one value.
  public let deviation: Double?
  /// Number of values.
  public let count: Int

  /// The summary of values; nil without any.
  init?(_ values: [Double]) {
    guard let low = values.min(), let high = values.max() else { return nil }
    count = values.count
    range = low...high
    let mean = values.reduce(0, +) / Double(count)
    self.mean = mean
    deviation =
      count > 1
      ? (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot() : nil
  }

  /// Mean and standard deviation, by a format of numbers.
  func text(_ format: (Double) -> String) -> String {
    format(mean) + (deviation.map { " ± \(format($0))" } ?? "")
  }
}
