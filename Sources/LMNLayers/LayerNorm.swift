public import LMNAutodiff

/// Layer normalisation (arXiv 1607.06450): each row to mean 0 and variance 1, times a learned gain,
/// plus a learned bias.
public struct LayerNorm: Module {
  /// `[E]`.
  public var gain: Variable
  /// `[E]`.
  public var bias: Variable
  /// PyTorch's default.
  public static let epsilon: Float = 1e-5

  /// A norm with gain 1 and bias 0.
  public init(width: Int, using source: inout ParameterSource) {
    gain = source.parameter([width], .constant(1))
    bias = source.parameter([width], .constant(0))
  }

  /// The normalised rows of `[M, E]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    x.layerNorm(gain: gain, bias: bias, epsilon: Self.epsilon)
  }

  /// Lists `weight` and `bias`, as checkpoints call them.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &gain)
    visit("bias", &bias)
  }
}
