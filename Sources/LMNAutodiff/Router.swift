public import LMNKernels

/// Memories chosen by a router, with gradients.
public struct Routing: Sendable {
  /// `[L, M]`.
  public let logits: Variable
  /// The choices.
  public let choices: RouterChoices

  /// Router: each token chooses the k memories of its largest logits.
  ///
  /// - Parameters:
  ///   - logits: `[L, M]`.
  ///   - routed: k, 1 to M.
  public init(logits: Variable, routed: Int) {
    self.logits = logits
    choices = logits.value.routed(to: routed)
  }

  private init(logits: Variable, choices: RouterChoices) {
    self.logits = logits
    self.choices = choices
  }

  /// The same choices, by a variable with the values of the logits.
  public func with(logits: Variable) -> Routing { Routing(logits: logits, choices: choices) }

  /// `[L, k]`: softmax over the chosen logits; the choice has no gradient.
  public var weights: Variable {
    Variable(
      choices.weights, logits.edge { [choices] dy in choices.logitsPullback(ofWeights: dy) })
  }

  /// Balance of the tokens (arXiv 2101.03961, equation 4).
  ///
  /// - Parameter blocks: T: number of consecutive blocks of tokens, all of the same length.
  /// - Returns: The balance, of which the loss is the mean over the blocks.
  public func balance(ofBlocks blocks: Int = 1) -> RouterBalance {
    let (terms, shares) = choices.balance(ofBlocks: blocks)
    let weighted = Variable(
      terms,
      logits.edge { [choices] dy in choices.logitsPullback(ofTerms: dy, shares: shares) })
    return RouterBalance(loss: weighted.mean(), shares: shares)
  }
}

/// Balance of a router over the tokens of a row, in T blocks.
public struct RouterBalance: Sendable {
  /// Balance loss, shape `[1]`, the mean over the blocks: k if all memories are equally probable.
  public let loss: Variable
  /// `[T, M]`: fraction of a block's tokens that chose each memory, constants for the gradient.
  public let shares: Tensor
}
