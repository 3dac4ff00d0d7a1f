public import LMNAutodiff
internal import LMNKernels

/// Affine map of each row: `y = x · weightᵀ + bias`.
public struct Linear: Module {
  /// `[outputs, inputs]`.
  public var weight: Variable
  /// `[outputs]`.
  public var bias: Variable

  /// A map with weight and bias drawn uniformly from ±1/√inputs.
  public init(inputs: Int, outputs: Int, using source: inout ParameterSource) {
    let bound = 1 / Float(inputs).squareRoot()
    weight = source.parameter([outputs, inputs], .uniform(bound: bound))
    bias = source.parameter([outputs], .uniform(bound: bound))
  }

  /// A map to zero.
  public init(zeroFrom inputs: Int, to outputs: Int, using source: inout ParameterSource) {
    weight = source.parameter([outputs, inputs], .constant(0))
    bias = source.parameter([outputs], .constant(0))
  }

  /// The output `[M, outputs]` for rows `[M, inputs]`.
  public func callAsFunction(_ x: Variable) -> Variable { x.linear(weight: weight, bias: bias) }

  /// Lists `weight` and `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &weight, isMap: true)
    visit("bias", &bias)
  }
}
