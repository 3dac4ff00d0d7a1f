public import LMNAutodiff
public import LMNLayers

/// Affine map from vectors to logits, with its own weight or the embedding table as weight (arXiv
/// 1608.05859).
public struct TokenHead: Module {
  /// `[V, E]`; nil where tied to the embedding table.
  public var weight: Variable?
  /// `[V]`.
  public var bias: Variable

  /// A head with weight and bias drawn uniformly from ±1/√E.
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
