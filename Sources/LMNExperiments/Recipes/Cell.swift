/// Cell of a recipe: one configuration and seed, and the measurement of its quantities.
public struct Cell: Sendable {
  /// Names and values by which results are selected, such as memory, length and seed.
  public let labels: [Label]
  /// Exact settings.
  public let configuration: any Encodable & Sendable
  /// Expected share of the time, in a unit of the recipe.
  public let cost: Double
  /// Whether the cell needs a process of its own, because it measures peak memory.
  public let needsOwnProcess: Bool
  /// Measures the quantities.
  public let measure: @Sendable (_ work: CellWork) throws -> [MeasuredValue]

  /// Name and value.
  public struct Label: Sendable, Equatable, Codable {
    /// Name, a column of the results.
    public let name: String
    /// Value.
    public let value: String

    init(_ name: String, _ value: some CustomStringConvertible) {
      (self.name, self.value) = (name, value.description)
    }

    /// The value as a part of a file's name, after the label's name if it is a number.
    var word: String {
      let isNumber = value.allSatisfy { $0.isNumber || $0 == "." }
      let word = value.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" }
      return (isNumber ? name.replacing(" ", with: "-") + "-" : "") + String(word)
    }
  }

  init(
    _ labels: [Label], _ configuration: any Encodable & Sendable, cost: Double = 1,
    needsOwnProcess: Bool = false,
    measure: @escaping @Sendable (_ work: CellWork) throws -> [MeasuredValue]
  ) {
    self.labels = labels
    self.configuration = configuration
    self.cost = cost
    self.needsOwnProcess = needsOwnProcess
    self.measure = measure
  }

  /// Identifier: the labels' values, as a file's name.
  public var id: String {
    labels.map(\.word).joined(separator: "_")
  }
}

/// Surroundings of the measurement of a cell.
public struct CellWork {
  /// Directory for files of a training, which an interrupted cell continues; missing at first.
  public let directory: String
  /// Whether the user asks to stop.
  public let shouldStop: () -> Bool
  /// Reports the part of the work that is done, 0 to 1.
  public let report: (Double) throws -> Void

  /// Surroundings of a measurement.
  public init(
    directory: String, shouldStop: @escaping () -> Bool = { false },
    report: @escaping (Double) throws -> Void = { _ in }
  ) {
    self.directory = directory
    self.shouldStop = shouldStop
    self.report = report
  }

  /// Reports progress, and throws if the user asks to stop.
  func advance(to part: Double) throws {
    if shouldStop() { throw RecipeInterruption() }
    try report(part)
  }
}

/// A measurement ended because the user asked to stop.
public struct RecipeInterruption: Error {
  /// The error.
  public init() {}
}

/// Value of a quantity.
public struct MeasuredValue: Sendable, Equatable, Codable {
  /// Name of the quantity, with its unit.
  public let quantity: String
  /// Coordinates at which it was measured, such as the step of a training.
  public let at: [String: Double]
  /// The value, finite.
  public let value: Double

  /// A value; nil if it is not finite.
  init?(_ quantity: String, at coordinates: [String: Double] = [:], _ value: Double?) {
    guard let value, value.isFinite else { return nil }
    (self.quantity, self.at, self.value) = (quantity, coordinates, value)
  }
}
