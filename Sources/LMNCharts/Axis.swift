/// Axis of numbers: label, scale and range.
public struct Axis: Sendable, Equatable {
  /// Scale of an axis.
  public enum Scale: Sendable {
    /// Equal distances for equal differences.
    case linear
    /// Equal distances for equal ratios; values of 0 or less have no place on it.
    case logarithmic
  }

  /// Quantity along the axis.
  public var quantity: String
  /// Unit of the values; nil for a pure number.
  public var unit: String?
  /// Scale.
  public var scale: Scale
  /// Range that is covered in any case; the axis grows beyond it where the data does.
  public var range: ClosedRange<Double>?

  /// An axis.
  ///
  /// - Parameters:
  ///   - quantity: Quantity along the axis.
  ///   - unit: Unit of the values; nil for a pure number.
  ///   - scale: Scale.
  ///   - range: Range that is covered in any case.
  public init(
    _ quantity: String, unit: String? = nil, scale: Scale = .linear,
    range: ClosedRange<Double>? = nil
  ) {
    self.quantity = quantity
    self.unit = unit
    self.scale = scale
    self.range = range
  }

  /// Quantity and unit.
  var label: String { unit.map { "\(quantity) (\($0))" } ?? quantity }

  /// Whether a value has a place on the axis.
  func contains(_ value: Double) -> Bool {
    value.isFinite && (scale == .linear || value > 0)
  }
}
