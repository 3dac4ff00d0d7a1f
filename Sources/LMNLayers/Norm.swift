public import LMNAutodiff

/// Norm of a block: RMSNorm or LayerNorm.
public enum Norm: Module {
  /// RMSNorm.
  case rms(RMSNorm)
  /// LayerNorm.
  case layer(LayerNorm)

  /// Kinds of norm.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case rms, layer
  }

  /// A norm of the given kind with gain 1 and, for LayerNorm, bias 0.
  public init(_ kind: Kind, width: Int, using source: inout ParameterSource) {
    switch kind {
    case .rms: self = .rms(RMSNorm(width: width, using: &source))
    case .layer: self = .layer(LayerNorm(width: width, using: &source))
    }
  }

  /// The normalised rows of `[M, E]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    switch self {
    case .rms(let norm): norm(x)
    case .layer(let norm): norm(x)
    }
  }

  /// Lists `weight` and, for LayerNorm, `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    switch self {
    case .rms(var norm):
      norm.visitParameters(visit)
      self = .rms(norm)
    case .layer(var norm):
      norm.visitParameters(visit)
      self = .layer(norm)
    }
  }
}
