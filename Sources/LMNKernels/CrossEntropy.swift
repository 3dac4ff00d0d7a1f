internal import CLMN

extension Tensor {
  /// The softmax cross-entropy of every row of logits, in nats: −log softmax(logits)[target].
  ///
  /// - Parameter targets: M of them.
  /// - Returns: `losses` and `logNormalizer` `[M]`, for `self` of `[M, V]`.
  /// - Precondition: Every target is in 0 ..< V.
  public func crossEntropy(targets: [Token]) -> (losses: Tensor, logNormalizer: Tensor) {
    precondition(
      shape.count == 2 && shape[0] == targets.count,
      "crossEntropy: \(targets.count) targets of logits \(shape)")
    expectTokens(targets, below: shape[1], operation: "crossEntropy")
    let losses = Tensor(uninitialized: [shape[0]])
    let logNormalizer = Tensor(uninitialized: [shape[0]])
    withExtendedLifetime((self, losses, logNormalizer)) {
      targets.withUnsafeBufferPointer { targets in
        var arguments = lmn_cross_entropy(
          rows: shape[0], vocabulary: shape[1], logits: base, targets: targets.baseAddress,
          losses: losses.output, log_normalizer: logNormalizer.output)
        lmn_cross_entropy_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
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
    _ cotangent: Tensor, targets: [Token], logNormalizer: Tensor
  ) -> Tensor {
    precondition(
      cotangent.shape == [shape[0]], "crossEntropyPullback: \(cotangent.shape) of logits \(shape)")
    return Tensor(shape: shape) { d_logits in
      withExtendedLifetime((self, cotangent, logNormalizer)) {
        targets.withUnsafeBufferPointer { targets in
          var arguments = lmn_cross_entropy_grad(
            rows: shape[0], vocabulary: shape[1], logits: base, targets: targets.baseAddress,
            log_normalizer: logNormalizer.base, d_losses: cotangent.base, d_logits: d_logits)
          lmn_cross_entropy_backward(ExecutionContext.current.kernels, &arguments)
        }
      }
    }
  }
}
