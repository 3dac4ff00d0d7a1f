public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// A summarizer that is an affine map of all children; conformers differ in parameter names, stored
/// layout and initialisation.
public protocol AffineSummarizer: Summarizer {
  /// `[KJ, rE, E]`: E rows per child; ordered by bank, then by source.
  var weight: Variable { get set }
  /// `[K, E]`.
  var bias: Variable { get set }
}

extension AffineSummarizer {
  /// The nodes of a tree.
  public func nodes(
    of tree: Tree, tokens: Variable, carried: Variable, expansion: ExpansionVariables?
  ) -> Variable {
    tokens.affineSummary(
      of: tree, carried: carried, weight: weight, bias: bias, expansion: expansion)
  }

  /// An affine map.
  public var summary: Summary { .affine(weight: weight.value, bias: bias.value) }

  /// Lists `weight` and `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &weight, isMap: true)
    visit("bias", &bias)
  }
}
