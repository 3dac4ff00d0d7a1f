public import LMNAutodiff
internal import LMNKernels

/// Source of the parameters of a module under construction: draws them, or only notes their shapes.
///
/// A module's initializer asks for every parameter by shape and distribution. The same walk therefore
/// draws a fresh module, counts the parameters of one before any memory is taken, and describes one
/// whose parameters will be loaded.
public struct ParameterSource: Sendable {
  /// Draws the values; nil where only shapes are noted.
  public private(set) var generator: SeededGenerator?
  /// Initialisation of the summarizers of trees.
  public var initialisation: Initialisation
  /// How many numbers the parameters hold that were asked for so far; nil once that overflows.
  public private(set) var count: Int? = 0

  /// A source that draws from `generator`; nil for one that draws nothing and allocates nothing:
  /// parameters have shapes, but no values.
  public init(_ generator: SeededGenerator?, initialisation: Initialisation = .reference) {
    self.generator = generator
    self.initialisation = initialisation
  }

  /// A source that draws from a generator of the given seed.
  public init(seed: UInt64, initialisation: Initialisation = .reference) {
    self.init(SeededGenerator(seed: seed), initialisation: initialisation)
  }

  /// A source that only describes.
  public static var describing: ParameterSource { ParameterSource(nil) }

  /// Initial distribution of a parameter.
  public enum Distribution: Sendable {
    /// The same value everywhere.
    case constant(Float)
    /// Uniform in ±`bound`.
    case uniform(bound: Float)
    /// Normal with mean 0.
    case normal(deviation: Float)
    /// Of the innermost two dimensions E × E, or several such matrices below each other: every one
    /// orthogonal and drawn evenly among all, times `scale`.
    case orthogonal(scale: Float)
  }

  /// The next parameter.
  ///
  /// - Parameters:
  ///   - shape: Its shape.
  ///   - distribution: Distribution of its initial values.
  /// - Returns: The parameter; without values from a source that only describes.
  public mutating func parameter(_ shape: [Int], _ distribution: Distribution) -> Variable {
    let (size, overflows) = shape.reduce((1, false)) { product, extent in
      let (next, overflows) = product.0.multipliedReportingOverflow(by: extent)
      return (next, product.1 || overflows)
    }
    count = count.flatMap { count in
      let (sum, overflowsToo) = count.addingReportingOverflow(size)
      return overflows || overflowsToo ? nil : sum
    }
    guard var generator else {
      return Variable(constant: Tensor(describing: overflows ? [0] : shape))
    }
    defer { self.generator = generator }
    switch distribution {
    case .constant(let value):
      return Variable(constant: Tensor(shape: shape, repeating: value))
    case .uniform(let bound):
      return Self.drawn(shape, size) { generator.uniform(in: -bound..<bound) }
    case .normal(let deviation):
      return Self.drawn(shape, size) { deviation * generator.normal() }
    case .orthogonal(let scale):
      let width = shape.last ?? 1
      let matrices = (0..<size / (width * width)).flatMap { _ in
        generator.orthogonalMatrix(of: width).map { scale * $0 }
      }
      return Variable(constant: Tensor(shape: shape, scalars: matrices))
    }
  }

  /// How many numbers the parameters of a module hold, by the walk of its initializer; nil when that
  /// overflows.
  public static func count(
    of make: (inout ParameterSource) throws -> any Module
  ) rethrows -> Int? {
    var source = ParameterSource.describing
    _ = try make(&source)
    return source.count
  }

  private static func drawn(_ shape: [Int], _ size: Int, _ draw: () -> Float) -> Variable {
    Variable(constant: Tensor(shape: shape, scalars: (0..<size).map { _ in draw() }))
  }
}

/// Initialisation of the summarizers of trees.
public enum Initialisation: String, Sendable, Codable, CaseIterable {
  /// The published recipe's: about 47 times below Xavier's rule for the linear kind at width 32, so
  /// distant memory is learned from nothing.
  case reference
  /// Normal, at the scale at which a node keeps its children's.
  case normal
  /// Each child through an orthogonal matrix, at the same scale.
  case orthogonal
}

extension SeededGenerator {
  /// The module that `make` makes of parameters drawn from this generator.
  public mutating func drawing<M: Module>(
    _ initialisation: Initialisation = .reference,
    _ make: (inout ParameterSource) throws -> M
  ) rethrows -> M {
    var source = ParameterSource(self, initialisation: initialisation)
    let module = try make(&source)
    self = source.generator!
    return module
  }

  /// The rows of an orthogonal matrix, by Gram and Schmidt's method.
  fileprivate mutating func orthogonalMatrix(of size: Int) -> [Float] {
    var rows: [[Float]] = []
    while rows.count < size {
      var row = (0..<size).map { _ in normal() }
      // Twice is enough (Kahan): the second pass removes what rounding left of the first.
      for other in rows + rows {
        let along = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
        for i in row.indices { row[i] -= along * other[i] }
      }
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      if norm > 1e-3 { rows.append(row.map { $0 / norm }) }
    }
    return Array(rows.joined())
  }
}
