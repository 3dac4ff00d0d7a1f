public import LMNAutodiff
internal import LMNKernels

/// Source of the parameters of a module under construction: draws them, or records only their
/// shapes.
///
/// A module's initializer requests each parameter by shape and distribution. The same walk
/// therefore draws a new module, counts the parameters of one before memory is allocated, and
/// describes one whose parameters will be loaded.
public struct ParameterSource: Sendable {
  /// Generator of the values; nil where only shapes are recorded.
  public private(set) var generator: SeededGenerator?
  /// Initialisation of the summarizers.
  public var initialisation: Initialisation
  /// Number of scalars requested so far; nil after an overflow.
  public private(set) var count: Int? = 0

  /// A source that draws from `generator`.
  ///
  /// With nil it draws and allocates nothing: parameters have
  /// shapes, but no values.
  public init(_ generator: SeededGenerator?, initialisation: Initialisation = .reference) {
    self.generator = generator
    self.initialisation = initialisation
  }

  /// A source that draws from a generator with this seed.
  public init(seed: UInt64, initialisation: Initialisation = .reference) {
    self.init(SeededGenerator(seed: seed), initialisation: initialisation)
  }

  /// A source that only records shapes.
  public static var describing: ParameterSource { ParameterSource(nil) }

  /// Initial distribution of a parameter.
  public enum Distribution: Sendable {
    /// The same value everywhere.
    case constant(Float)
    /// Uniform in ±`bound`.
    case uniform(bound: Float)
    /// Uniform in a range.
    case range(Range<Float>)
    /// The same in every row of the innermost dimension: 0, 1, 2, … times a factor.
    case multiples(of: Float)
    /// Normal with mean 0.
    case normal(deviation: Float)
    /// Each E × E matrix of the innermost two dimensions (several may be stacked): uniform over the
    /// orthogonal matrices, times `scale`.
    case orthogonal(scale: Float)
    /// Equal blocks of consecutive rows, each with its own distribution; nil for a copy of the
    /// block before.
    indirect case blocks([Distribution?])
    /// Values of a function of the generator.
    case drawn(@Sendable (inout SeededGenerator) -> Float)
  }

  /// The next parameter.
  ///
  /// - Parameters:
  ///   - shape: Shape of the parameter.
  ///   - distribution: Distribution of its initial values.
  /// - Returns: The parameter; without values from a source that only records shapes.
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
    return Variable(constant: Self.values(shape, distribution, using: &generator))
  }

  /// Initial values of a parameter.
  private static func values(
    _ shape: [Int], _ distribution: Distribution, using generator: inout SeededGenerator
  ) -> Tensor {
    let size = shape.reduce(1, *)
    switch distribution {
    case .constant(let value):
      return Tensor(shape: shape, repeating: value)
    case .uniform(let bound):
      return drawn(shape, size) { generator.uniform(in: -bound..<bound) }
    case .range(let range):
      return drawn(shape, size) { generator.uniform(in: range) }
    case .multiples(let factor):
      let row = (0..<(shape.last ?? 1)).map { factor * Float($0) }
      return Tensor(shape: shape, scalars: (0..<size).map { row[$0 % row.count] })
    case .normal(let deviation):
      return drawn(shape, size) { deviation * generator.normal() }
    case .drawn(let draw):
      return drawn(shape, size) { draw(&generator) }
    case .orthogonal(let scale):
      let width = shape.last ?? 1
      let matrices = (0..<size / (width * width)).flatMap { _ in
        generator.orthogonalMatrix(of: width).map { scale * $0 }
      }
      return Tensor(shape: shape, scalars: matrices)
    case .blocks(let distributions):
      var blocks: [Tensor] = []
      for distribution in distributions {
        let block = [shape[0] / distributions.count] + shape.dropFirst()
        blocks.append(
          distribution.map { values(block, $0, using: &generator) } ?? blocks.last!)
      }
      return .concatenatingRows(blocks)
    }
  }

  /// Number of scalars in the parameters of a module, by the walk of its initializer; nil on
  /// overflow.
  public static func count(
    of make: (inout ParameterSource) throws -> any Module
  ) rethrows -> Int? {
    var source = ParameterSource.describing
    _ = try make(&source)
    return source.count
  }

  private static func drawn(_ shape: [Int], _ size: Int, _ draw: () -> Float) -> Tensor {
    Tensor(shape: shape, scalars: (0..<size).map { _ in draw() })
  }
}

/// Initialisation of the summarizers.
public enum Initialisation: String, Sendable, Codable, CaseIterable {
  /// The published recipe: for the linear summarizer at width 32 about 47 times below Xavier's
  /// rule, so that distant memory starts near zero.
  case reference
  /// Normal, at a scale that keeps the magnitude of the children.
  case normal
  /// An orthogonal matrix per child, at the same scale.
  case orthogonal
}

extension SeededGenerator {
  /// The module that `make` constructs with parameters drawn from this generator.
  public mutating func drawing<M: Module>(
    _ initialisation: Initialisation = .reference,
    _ make: (inout ParameterSource) throws -> M
  ) rethrows -> M {
    var source = ParameterSource(self, initialisation: initialisation)
    let module = try make(&source)
    self = source.generator!
    return module
  }

  /// Rows of a random orthogonal matrix, by the Gram-Schmidt process.
  fileprivate mutating func orthogonalMatrix(of size: Int) -> [Float] {
    var rows: [[Float]] = []
    while rows.count < size {
      var row = (0..<size).map { _ in normal() }
      // Two passes suffice (Kahan): the second removes the rounding errors of the first.
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
