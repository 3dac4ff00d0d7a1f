public import LMNKernels

/// Memories chosen by a router, with gradients.
public struct Routing: Sendable {
  private let logits: Variable
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

  /// `[L, k]`: softmax over the chosen logits; the choice has no gradient.
  public var weights: Variable {
    Variable(
      choices.weights, logits.edge { [choices] dy in choices.logitsPullback(ofWeights: dy) })
  }

  /// Balance loss of the tokens, shape `[1]` (arXiv 2101.03961, equation 4): k if all memories are
  /// equally probable. The fractions of the tokens that chose a memory have no gradient.
  public func balance() -> Variable {
    let (terms, shares) = choices.balance()
    return Variable(
      terms,
      logits.edge { [choices] dy in choices.logitsPullback(ofTerms: dy, shares: shares) }
    ).mean()
  }
}
