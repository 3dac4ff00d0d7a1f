public import LMNKernels

extension Variable {
  /// Rows of an embedding table for the given tokens: `[L, E]` for `self` of `[V, E]`.
  public func embedding(of tokens: TokenBuffer) -> Variable {
    let vocabularySize = value.shape[0]
    return Variable(
      value.embedding(of: tokens),
      edge { dy in dy.embeddingPullback(of: tokens, vocabularySize: vocabularySize) })
  }
}
