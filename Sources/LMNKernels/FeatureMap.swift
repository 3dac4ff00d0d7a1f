internal import CLMN

/// Map of queries and keys of a linear-attention memory, applied to every value.
public enum FeatureMap: String, Sendable, Codable, CaseIterable {
  /// x.
  case identity
  /// max(x, 0).
  case relu
  /// elu(x) + 1: x + 1 above 0, exp(x) below (arXiv 2006.16236).
  case elu

  fileprivate var kind: lmn_feature_kind {
    switch self {
    case .identity: LMN_FEATURE_IDENTITY
    case .relu: LMN_FEATURE_RELU
    case .elu: LMN_FEATURE_ELU
    }
  }
}

extension Tensor {
  /// Feature map of every row, times `scale`, and divided by its L2 norm if it is normalised:
  /// `scale · map(x) / √(Σ map(x)² + 1e-6)`.
  ///
  /// - Parameters:
  ///   - map: The map.
  ///   - width: Length d of a row; `self` is read as rows of it.
  ///   - isNormalized: Whether rows are divided by their norm.
  ///   - scale: Factor.
  /// - Returns: Features, of the shape of `self`.
  public func features(
    _ map: FeatureMap, width: Int, isNormalized: Bool, scale: Float
  ) -> Tensor {
    precondition(count.isMultiple(of: width), "features: rows of \(width) of \(shape)")
    let features = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_feature_map_forward,
      lmn_feature_map(
        rows: count / width, width: width, kind: map.kind, normalize: isNormalized, scale: scale,
        epsilon: normEpsilon, x: base, features: features.output),
      on: self, features)
    return features
  }

  /// Pullback of ``features(_:width:isNormalized:scale:)``: the cotangent of `self`.
  public func featuresPullback(
    _ cotangent: Tensor, _ map: FeatureMap, width: Int, isNormalized: Bool, scale: Float
  ) -> Tensor {
    precondition(cotangent.shape == shape, "featuresPullback: \(cotangent.shape) of \(shape)")
    let d_x = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_feature_map_backward,
      lmn_feature_map_grad(
        rows: count / width, width: width, kind: map.kind, normalize: isNormalized, scale: scale,
        epsilon: normEpsilon, x: base, d_features: cotangent.base, d_x: d_x.output),
      on: self, cotangent, d_x)
    return d_x
  }
}

/// Added to the squared norm of queries and keys.
private let normEpsilon: Float = 1e-6
