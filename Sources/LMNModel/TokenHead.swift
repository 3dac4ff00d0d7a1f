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
  init(width: Int, vocabularySize: Int, isTied: Bool, using generator: inout SeededGenerator) {
    let bound = 1 / Float(width).squareRoot()
    weight = isTied ? nil : .uniform([vocabularySize, width], bound: bound, using: &generator)
    bias = .uniform([vocabularySize], bound: bound, using: &generator)
  }

  /// The logits `[M, V]` of vectors `[M, E]`.
  public func callAsFunction(_ x: Variable, tiedTo table: Variable) -> Variable {
    x.linear(weight: weight ?? table, bias: bias)
  }

  /// Lists `weight`, where it is no other's, and `bias`.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    if var own = weight.take() {
      visit("weight", &own)
      weight = own
    }
    visit("bias", &bias)
  }
}
