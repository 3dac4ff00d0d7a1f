internal import CLMN

extension Tensor {
  /// The softmax cross-entropy of every row of logits, in nats: −log softmax(logits)[target].
  ///
  /// - Parameter targets: M of them.
  /// - Returns: `losses` and `logNormalizer` `[M]`, for `self` of `[M, V]`.
  /// - Precondition: Every target is in 0 ..< V.
  public func crossEntropy(targets: TokenBuffer) -> (losses: Tensor, logNormalizer: Tensor) {
    precondition(
      shape.count == 2 && shape[0] == targets.count,
      "crossEntropy: \(targets.count) targets of logits \(shape)")
    expectTokens(targets, below: shape[1], operation: "crossEntropy")
    let losses = Tensor(uninitialized: [shape[0]])
    let logNormalizer = Tensor(uninitialized: [shape[0]])
    ExecutionContext.current.run(
      lmn_cross_entropy_forward,
      lmn_cross_entropy(
        rows: shape[0], vocabulary: shape[1], logits: base, targets: targets.base,
        losses: losses.output, log_normalizer: logNormalizer.output),
      on: self, targets, losses, logNormalizer)
    return (losses, logNormalizer)
  }

  /// What the cotangent of ``crossEntropy(targets:)`` gives to the logits.
  ///
  /// - Parameters:
  ///   - cotangent: `[M]`, of the losses.
  ///   - targets: As given to the forward operation.
  ///   - logNormalizer: As it returned it.
  /// - Returns: `[M, V]` for `self` of that shape, the logits.
  public func crossEntropyPullback(
    _ cotangent: Tensor, targets: TokenBuffer, logNormalizer: Tensor
  ) -> Tensor {
    precondition(
      cotangent.shape == [shape[0]], "crossEntropyPullback: \(cotangent.shape) of logits \(shape)")
    let d_logits = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_cross_entropy_backward,
      lmn_cross_entropy_grad(
        rows: shape[0], vocabulary: shape[1], logits: base, targets: targets.base,
        log_normalizer: logNormalizer.base, d_losses: cotangent.base, d_logits: d_logits.output),
      on: self, cotangent, targets, logNormalizer, d_logits)
    return d_logits
  }
}
