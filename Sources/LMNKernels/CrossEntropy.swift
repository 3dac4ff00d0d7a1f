internal import CLMN

/// Target that is ignored: no loss, no gradient.
///
/// Other negative numbers have the same effect.
public let ignoredTarget: Token = -1

extension Tensor {
  /// Softmax cross-entropy of every row of logits, in nats: −log softmax(logits)[target].
  ///
  /// - Parameter targets: `[M]`, each in 0 ..< V, or negative to be ignored.
  /// - Returns: `losses` and `logNormalizer` `[M]`, for `self` of `[M, V]`; both are 0 where the
  ///   target is ignored.
  /// - Precondition: Every target is in 0 ..< V, or negative to be ignored.
  public func crossEntropy(targets: TokenBuffer) -> (losses: Tensor, logNormalizer: Tensor) {
    precondition(
      shape.count == 2 && shape[0] == targets.count,
      "crossEntropy: \(targets.count) targets of logits \(shape)")
    for (index, target) in targets.elements.enumerated() {
      expectTarget(target, below: shape[1], operation: "crossEntropy", "at \(index)")
    }
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

  /// Pullback of ``crossEntropy(targets:)``: the cotangent of the logits given that of the losses.
  ///
  /// - Parameters:
  ///   - cotangent: `[M]`, of the losses.
  ///   - targets: As given to the forward operation.
  ///   - logNormalizer: As returned by the forward operation.
  /// - Returns: `[M, V]`; `self` are the logits, `[M, V]`.
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

/// Traps if a target is neither in the vocabulary nor negative; `place` describes its place.
package func expectTarget(
  _ target: Token, below vocabularySize: Int, operation: String, _ place: @autoclosure () -> String
) {
  precondition(
    target < vocabularySize,
    "\(operation): target \(target) \(place()) is not in a vocabulary of \(vocabularySize)")
}
