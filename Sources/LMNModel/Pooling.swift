import LMNAutodiff
import LMNKernels

/// How the vectors of a sequence become one.
public enum Pooling: String, Sendable, Codable, CaseIterable {
  /// The mean of all.
  case mean
  /// The last, which has seen all others.
  case last
  /// The largest value of every feature.
  case max

  /// The weights of `length` vectors, of which only the first `count` belong to the sequence.
  func weight(of index: Int, count: Int) -> Float {
    switch self {
    case .mean, .max: index < count ? 1 / Float(count) : 0
    case .last: index == count - 1 ? 1 : 0
    }
  }
}

extension Variable {
  /// The vectors of a sequence as one.
  ///
  /// - Parameters:
  ///   - pooling: How.
  ///   - weights: `[1, L]`; what weighs 0 does not count.
  /// - Returns: `[1, E]` for `self` of `[L, E]`.
  func pooled(_ pooling: Pooling, weights: Tensor) -> Variable {
    switch pooling {
    case .mean, .last: Variable(constant: weights).matmul(self)
    case .max: rowMaximum(weights: weights)
    }
  }
}

/// What pooling knows of the vectors so far: a value of constant size.
public struct Pool: Sendable, Equatable {
  /// How the vectors become one.
  public let pooling: Pooling
  /// Vectors so far.
  public private(set) var count = 0
  /// By feature: the sum, the last or the largest value.
  private var features: [Double] = []

  /// A pool without vectors.
  public init(_ pooling: Pooling) { self.pooling = pooling }

  /// Takes further vectors `[L, E]`, the next of the sequence.
  mutating func add(_ rows: Tensor) {
    let width = rows.shape[1]
    if count == 0 {
      features = .init(repeating: pooling == .max ? -.infinity : 0, count: width)
    }
    rows.withScalars { values in
      for row in 0..<rows.shape[0] {
        for feature in 0..<width {
          let value = Double(values[row * width + feature])
          switch pooling {
          case .mean: features[feature] += value
          case .last: features[feature] = value
          case .max: features[feature] = Swift.max(features[feature], value)
          }
        }
      }
    }
    count += rows.shape[0]
  }

  /// All vectors so far as one, `[1, E]`.
  ///
  /// - Precondition: There are some.
  var pooled: Tensor {
    precondition(count > 0, "Pool: nothing was pooled yet")
    let divisor = pooling == .mean ? Double(count) : 1
    return Tensor(shape: [1, features.count], scalars: features.map { Float($0 / divisor) })
  }
}
