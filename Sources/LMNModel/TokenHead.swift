public import LMNAutodiff
public import LMNLayers

/// From vectors to logits: by a weight of its own, or by the table that embeds the tokens
/// (arXiv 1608.05859).
public struct TokenHead: Module {
  /// `[V, E]`; nil where it is the table.
  public var weight: Variable?
  /// `[V]`.
  public var bias: Variable

  /// A head whose weight and bias are uniform in ±1/√E.
  init(width: Int, vocabularySize: Int, isTied: Bool, using source: inout ParameterSource) {
    let bound = 1 / Float(width).squareRoot()
    weight = isTied ? nil : source.parameter([vocabularySize, width], .uniform(bound: bound))
    bias = source.parameter([vocabularySize], .uniform(bound: bound))
  }

  /// The logits `[M, V]` of vectors `[M, E]`.
  public func callAsFunction(_ x: Variable, tiedTo table: Variable) -> Variable {
    x.linear(weight: weight ?? table, bias: bias)
  }

  /// Visits `weight`, unless it is tied, and `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &weight)
    visit("bias", &bias)
  }
}
