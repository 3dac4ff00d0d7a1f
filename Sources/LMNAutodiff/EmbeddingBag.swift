public import LMNKernels

extension Variable {
  /// Scaled sums of rows of a table, one per bag: `[B, E]` for `self` of `[V, E]`.
  ///
  /// If `self` is a parameter, ``Gradients`` keeps its gradient as lookups.
  public func embeddingBag(of bags: Bags) -> Variable {
    let vocabularySize = value.shape[0]
    return Variable(
      value.embeddingBag(of: bags),
      edge { dy in dy.embeddingBagPullback(of: bags, vocabularySize: vocabularySize) }?
        .lookingUp(bags))
  }
}
