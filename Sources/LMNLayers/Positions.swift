public import LMNAutodiff
public import LMNKernels

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Position encoding: a vector per position, added to each token's vector, or none.
public enum Positions: Module {
  /// No position encoding.
  case none
  /// Sines and cosines (arXiv 1706.03762, section 3.5): any position, no parameters.
  case sinusoidal(SinusoidalPositions)
  /// A learned vector per position, for a fixed number of positions.
  case learned(LearnedPositions)

  /// Kinds of position encoding.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case none, sinusoidal, learned
  }

  /// A position encoding of the given kind with new parameters.
  ///
  /// - Parameters:
  ///   - kind: The kind.
  ///   - width: E.
  ///   - maximumLength: Number of learned positions; unused by other kinds.
  ///   - source: Source of the parameters.
  /// - Precondition: `maximumLength` is not nil where positions are learned.
  public init(
    _ kind: Kind, width: Int, maximumLength: Int?, using source: inout ParameterSource
  ) {
    switch kind {
    case .none: self = .none
    case .sinusoidal: self = .sinusoidal(SinusoidalPositions(width: width))
    case .learned:
      guard let maximumLength else {
        preconditionFailure("Positions: learned positions need a maximumLength")
      }
      self = .learned(LearnedPositions(count: maximumLength, width: width, using: &source))
    }
  }

  /// Adds the vectors of `positions`, one per row, to x `[L, E]`.
  ///
  /// A recorded computation reads the positions at each run.
  ///
  /// - Precondition: Learned positions: each is below the number of positions.
  public func callAsFunction(_ x: Variable, at positions: PositionBuffer) -> Variable {
    switch self {
    case .none: x
    case .sinusoidal(let sinusoidal): x + Variable(constant: sinusoidal.vectors(at: positions))
    case .learned(let learned): x + learned.table.rows(at: positions)
    }
  }

  /// Lists `weight` of learned positions.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    guard case .learned(var learned) = self else { return }
    learned.visitParameters(visit)
    self = .learned(learned)
  }
}

/// Sinusoidal encoding: feature 2i of position t is `sin(t / 10000^(2i / E))`, feature 2i + 1 the
/// cosine.
public struct SinusoidalPositions: Sendable {
  private let width: Int
  /// Frequencies in turns per position.
  private let frequencies: Buffer<Double>

  init(width: Int) {
    self.width = width
    frequencies = Buffer(
      stride(from: 0, to: width, by: 2).map { feature in
        pow(10_000, -Double(feature) / Double(width)) / (2 * .pi)
      })
  }

  func vectors(at positions: PositionBuffer) -> Tensor {
    .sinusoids(at: positions, frequencies: frequencies, width: width)
  }
}

/// Learned encoding: a vector per position, for a fixed number of positions.
public struct LearnedPositions: Module {
  /// `[positions, E]`.
  public var table: Variable

  /// A table of normal values with standard deviation 0.02, as in GPT (Radford and others 2018,
  /// section 4.1).
  init(count: Int, width: Int, using source: inout ParameterSource) {
    table = source.parameter([count, width], .normal(deviation: 0.02))
  }

  /// Lists `weight`, as checkpoints call the table.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &table)
  }
}
