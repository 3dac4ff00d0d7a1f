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
  ///   - generator: What draws the parameters.
  /// - Precondition: There is a maximum length where positions are learned.
  public init(
    _ kind: Kind, width: Int, maximumLength: Int?, using generator: inout SeededGenerator
  ) {
    switch kind {
    case .none: self = .none
    case .sinusoidal: self = .sinusoidal(SinusoidalPositions(width: width))
    case .learned:
      guard let maximumLength else { preconditionFailure("Positions: learned, but how many?") }
      self = .learned(LearnedPositions(count: maximumLength, width: width, using: &generator))
    }
  }

  /// The parallel form: x `[L, E]`, the tokens from position `start` on, with their positions.
  public func callAsFunction(_ x: Variable, from start: Int) -> Variable {
    let positions = start..<start + x.value.shape[0]
    switch self {
    case .none: return x
    case .sinusoidal(let sinusoidal):
      return x + Variable(constant: sinusoidal.vectors(at: PositionBuffer(positions)))
    case .learned(let learned): return x + learned.vectors(at: positions)
    }
  }

  /// The sequential form: x `[B, E]`, a token of each of B streams, with their positions, which then
  /// move on by one.
  public func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let vectors: Tensor
    switch self {
    case .none: return x
    case .sinusoidal(let sinusoidal): vectors = sinusoidal.vectors(at: positions)
    case .learned(let learned): vectors = learned.table.value.rows(at: positions)
    }
    positions.advance()
    return x.adding(vectors)
  }

  /// Lists `weight` of learned positions.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
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
  init(count: Int, width: Int, using generator: inout SeededGenerator) {
    table = .normal([count, width], deviation: 0.02, using: &generator)
  }

  func vectors(at positions: Range<Int>) -> Variable {
    let count = table.value.shape[0]
    precondition(
      positions.upperBound <= count,
      "Positions: position \(positions.upperBound - 1) lies behind the last of \(count)")
    return table.embedding(of: TokenBuffer(positions.lazy.map(Token.init)))
  }

  /// Lists `weight`, as checkpoints call the table.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    visit("weight", &table)
  }
}
