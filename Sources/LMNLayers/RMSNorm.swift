public import LMNAutodiff

/// Root-mean-square normalisation (arXiv 1910.07467): each row divided by the root of its mean
/// square, times a learned gain.
public struct RMSNorm: Module {
  /// `[E]`.
  public var gain: Variable
  /// The machine epsilon of float32, PyTorch's default.
  public static let epsilon: Float = 1.1920929e-07

  /// A norm with gain 1.
  public init(width: Int, using source: inout ParameterSource) {
    gain = source.parameter([width], .constant(1))
  }

  /// The normalised rows of `[M, E]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    x.rmsNorm(gain: gain, epsilon: Self.epsilon)
  }

  /// Lists `weight`, as checkpoints call the gain.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &gain)
  }
}
