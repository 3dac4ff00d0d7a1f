public import LMNKernels

extension Variable {
  /// The softmax cross-entropy of every row of logits, in nats: `[M]` for `self` of `[M, V]`.
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
