public import LMNKernels

extension Variable {
  /// Softmax cross-entropy of every row of logits, in nats: `[M]` for `self` of `[M, V]`.
  ///
  /// A row with a negative target is ignored: no loss, no gradient.
  public func crossEntropy(targets: TokenBuffer) -> Variable {
    let logits = value
    let (losses, logNormalizer) = logits.crossEntropy(targets: targets)
    return Variable(
      losses,
      edge { dy in
        logits.crossEntropyPullback(dy, targets: targets, logNormalizer: logNormalizer)
      })
  }
}
