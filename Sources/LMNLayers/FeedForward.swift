public import LMNAutodiff
public import LMNKernels

/// Feed-forward layer: two affine maps with an activation between them, applied to each row.
public struct FeedForward: Module {
  /// E → f·E.
  public var inner: Linear
  /// f·E → E.
  public var outer: Linear
  /// Activation between the maps.
  public let activation: Activation

  /// A layer with an inner width of `factor * width`.
  public init(
    width: Int, factor: Int, activation: Activation = .silu,
    using source: inout ParameterSource
  ) {
    inner = Linear(inputs: width, outputs: factor * width, using: &source)
    outer = Linear(inputs: factor * width, outputs: width, using: &source)
    self.activation = activation
  }

  /// The output for rows `[M, E]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    outer(inner(x).activated(by: activation))
  }

  /// Lists the inner map as `0` and the outer one as `2`, their names in the published code.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("0", &inner)
    visit("2", &outer)
  }
}
