internal import CLMN

/// Memories chosen by a router for each of L tokens.
public struct RouterChoices: Sendable {
  /// L.
  public let tokens: Int
  /// M: memories to choose from.
  public let memories: Int
  /// k: memories chosen by a token.
  public let routed: Int
  /// `[L, k]`: numbers of the chosen memories, that of the largest logit first.
  public let chosen: Buffer<Int32>
  /// `[L, M]`: softmax of the logits.
  public let probabilities: Tensor
  /// `[L, k]`: softmax over the chosen logits.
  public let weights: Tensor
}

extension Tensor {
  /// Router (arXiv 2502.13685): each token chooses the k memories of its largest logits, the lower
  /// number among equals.
  ///
  /// - Parameter routed: k, 1 to M.
  /// - Returns: The choices, for logits `[L, M]`.
  public func routed(to routed: Int) -> RouterChoices {
    precondition(
      shape.count == 2 && (1...shape[1]).contains(routed),
      "routed: \(routed) memories by logits \(shape)")
    let (tokens, memories) = (shape[0], shape[1])
    let choices = RouterChoices(
      tokens: tokens, memories: memories, routed: routed,
      chosen: Buffer(repeatElement(0, count: tokens * routed)),
      probabilities: Tensor(uninitialized: shape), weights: Tensor(uninitialized: [tokens, routed]))
    ExecutionContext.current.run(
      lmn_router_forward,
      lmn_router(
        rows: tokens, memories: memories, routed: routed, logits: base,
        probabilities: choices.probabilities.output, chosen: choices.chosen.base,
        weights: choices.weights.output),
      on: self, choices.probabilities, choices.chosen, choices.weights)
    return choices
  }
}

extension RouterChoices {
  /// Pullback of ``Tensor/routed(to:)``: the cotangent of the logits, `[L, M]`, given that of the
  /// weights, `[L, k]`.
  ///
  /// The choice has no gradient.
  public func logitsPullback(ofWeights cotangent: Tensor) -> Tensor {
    precondition(
      cotangent.shape == weights.shape,
      "logitsPullback: cotangent \(cotangent.shape) of weights \(weights.shape)")
    let d_logits = Tensor(uninitialized: probabilities.shape)
    ExecutionContext.current.run(
      lmn_router_backward,
      lmn_router_grad(
        rows: tokens, memories: memories, routed: routed, chosen: chosen.base,
        weights: weights.base, d_weights: cotangent.base, d_logits: d_logits.output),
      on: chosen, weights, cotangent, d_logits)
    return d_logits
  }

  /// Balance of the choices (arXiv 2101.03961, equation 4) in consecutive blocks of the tokens.
  ///
  /// - Parameter blocks: T: number of blocks, all of the same length.
  /// - Returns: `terms` `[T, M]`, of which the mean over a block is its balance loss, and `shares`
  ///   `[T, M]`, the fraction of a block's tokens that chose each memory.
  public func balance(ofBlocks blocks: Int = 1) -> (terms: Tensor, shares: Tensor) {
    precondition(
      blocks > 0 && tokens.isMultiple(of: blocks), "balance: \(blocks) blocks of \(tokens) tokens")
    let (shape, length) = ([blocks, memories], tokens / blocks)
    let (terms, shares) = (Tensor(uninitialized: shape), Tensor(uninitialized: shape))
    for block in 0..<blocks {
      ExecutionContext.current.run(
        lmn_router_balance_forward,
        lmn_router_balance(
          rows: length, memories: memories, routed: routed,
          chosen: chosen.base + block * length * routed,
          probabilities: probabilities.base + block * length * memories,
          shares: shares.output + block * memories, terms: terms.output + block * memories),
        on: chosen, probabilities, shares, terms)
    }
    return (terms, shares)
  }

  /// Pullback of ``balance(ofBlocks:)``: the cotangent of the logits, `[L, M]`, given that of the terms.
  ///
  /// - Parameters:
  ///   - cotangent: `[T, M]`.
  ///   - shares: As returned by the forward operation.
  /// - Returns: `[L, M]`.
  public func logitsPullback(ofTerms cotangent: Tensor, shares: Tensor) -> Tensor {
    precondition(
      cotangent.shape == shares.shape, "logitsPullback: cotangent \(cotangent.shape) of terms")
    let (blocks, length) = (shares.shape[0], tokens / shares.shape[0])
    let d_logits = Tensor(uninitialized: probabilities.shape)
    for block in 0..<blocks {
      let (rows, columns) = (block * length * memories, block * memories)
      ExecutionContext.current.run(
        lmn_router_balance_backward,
        lmn_router_balance_grad(
          rows: length, memories: memories, probabilities: probabilities.base + rows,
          shares: shares.base + columns, d_terms: cotangent.base + columns,
          d_logits: d_logits.output + rows),
        on: probabilities, shares, cotangent, d_logits)
    }
    return d_logits
  }
}
