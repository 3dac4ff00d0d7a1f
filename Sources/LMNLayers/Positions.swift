public import LMNAutodiff
public import LMNKernels

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What tells tokens where in their stream they stand: a vector that is added to each, or nothing.
public enum Positions: Module {
  /// Nothing.
  case none
  /// Sines and cosines (arXiv 1706.03762, section 3.5): for every position there is, without
  /// parameters.
  case sinusoidal(SinusoidalPositions)
  /// A learned vector for each position up to a last one.
  case learned(LearnedPositions)

  /// The kinds there are.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case none, sinusoidal, learned
  }

  /// Positions of the given kind with fresh parameters.
  ///
  /// - Parameters:
  ///   - kind: What they are.
  ///   - width: E.
  ///   - maximumLength: How many positions are learned, where they are.
  ///   - source: Source of the parameters.
  /// - Precondition: There is a maximum length where positions are learned.
  public init(
    _ kind: Kind, width: Int, maximumLength: Int?, using source: inout ParameterSource
  ) {
    switch kind {
    case .none: self = .none
    case .sinusoidal: self = .sinusoidal(SinusoidalPositions(width: width))
    case .learned:
      guard let maximumLength else { preconditionFailure("Positions: learned, but how many?") }
      self = .learned(LearnedPositions(count: maximumLength, width: width, using: &source))
    }
  }

  /// Adds the vectors of `positions`, one per row, to x `[L, E]`.
  ///
  /// A recording reads the positions as they are at every run.
  ///
  /// - Precondition: Learned positions have all of them.
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

/// Feature 2i of position t is `sin(t / 10000^(2i / E))`, the next one the cosine.
public struct SinusoidalPositions: Sendable {
  private let width: Int
  /// In turns per position.
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

/// A learned vector for every position from 0 up to a last one.
public struct LearnedPositions: Module {
  /// `[positions, E]`.
  public var table: Variable

  /// Normal values of deviation 0.02, as in GPT (Radford and others 2018, section 4.1).
  init(count: Int, width: Int, using source: inout ParameterSource) {
    table = source.parameter([count, width], .normal(deviation: 0.02))
  }

  /// Lists `weight`, as checkpoints call the table.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &table)
  }
}
