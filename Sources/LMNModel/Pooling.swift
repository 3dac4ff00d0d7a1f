import LMNAutodiff
import LMNKernels

/// Pooling of a sequence's vectors to one vector.
public enum Pooling: String, Sendable, Codable, CaseIterable {
  /// The mean of all vectors.
  case mean
  /// The last vector.
  case last
  /// The maximum of each feature.
  case max
  /// A vector of zeros: the memory has no part in the classes, which n-grams alone tell apart, as in a
  /// logistic regression.
  case zero = "none"

  /// Weight of a vector, of which only the first `count` belong to the sequence.
  func weight(of index: Int, count: Int) -> Float {
    switch self {
    case .mean, .max: index < count ? 1 / Float(count) : 0
    case .last: index == count - 1 ? 1 : 0
    case .zero: 0
    }
  }
}

extension Variable {
  /// The pooled vectors of a sequence.
  ///
  /// - Parameters:
  ///   - pooling: The pooling.
  ///   - weights: `[1, L]`; vectors of weight 0 are ignored.
  /// - Returns: `[1, E]` for `self` of `[L, E]`.
  func pooled(_ pooling: Pooling, weights: Tensor) -> Variable {
    switch pooling {
    case .mean, .last, .zero: Variable(constant: weights).matmul(self)
    case .max: rowMaximum(weights: weights)
    }
  }
}

/// Running pooling of a stream's vectors: a value of constant size.
public struct Pool: Sendable, Equatable {
  /// The pooling.
  public let pooling: Pooling
  /// Number of vectors added.
  public private(set) var count = 0
  /// Per feature: the sum, the last or the largest value.
  private var features: [Double] = []

  /// A pool without vectors.
  public init(_ pooling: Pooling) { self.pooling = pooling }

  /// Adds the next vectors `[L, E]` of the sequence.
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
          case .zero: break
          }
        }
      }
    }
    count += rows.shape[0]
  }

  /// The pooled vector `[1, E]` of all vectors so far.
  ///
  /// - Precondition: At least one vector was added.
  var pooled: Tensor {
    precondition(count > 0, "Pool: no vectors to pool")
    let divisor = pooling == .mean ? Double(count) : 1
    return Tensor(shape: [1, features.count], scalars: features.map { Float($0 / divisor) })
  }
}
