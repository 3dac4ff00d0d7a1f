public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Critical memory: some tokens that stay as they are beside the tree, for as long as they are among
/// those with the highest scores (the open question of arXiv 2501.07905).
///
/// A score is a learned affine map of a token, so it is known when the token arrives. After a token
/// has been attended to, it takes the place of the pinned one with the lowest score, if its own is
/// higher: position t sees the best tokens before it, whatever comes later.
///
/// Which tokens are pinned has no slope. What a pinned token contributes has: its attention weight is
/// multiplied by the sigmoid of its score, as a memory's span masks the weights in Expire-Span
/// (arXiv 2105.06548, section 3.2), and as the chosen tokens' outputs carry their router's weight in
/// Mixture-of-Depths (arXiv 2404.02258, section 3.4). So a token that helps gets a higher score, and
/// others that look alike are chosen instead of those that do not.
public struct Pinning: Module {
  /// A token's score: E → 1.
  public var score: Linear
  /// p: how many tokens stay.
  public let count: Int

  init(count: Int, width: Int, using generator: inout SeededGenerator) {
    self.count = count
    score = Linear(inputs: width, outputs: 1, using: &generator)
  }

  /// What a part of a stream sees of the pinned tokens.
  struct View {
    /// `[p, E]`: those that were pinned before the part.
    let before: Variable
    /// Who sees which of these, and of the part's tokens.
    let tokenAttention: TokenAttention
    /// `[p + L, 1]`: the logarithm of what their weights are multiplied by.
    let gates: Variable
  }

  /// Decides which tokens stay.
  ///
  /// - Parameters:
  ///   - tokens: `[L, E]`.
  ///   - scores: `[L, 1]`.
  ///   - tree: The part of the stream's tree that they are.
  ///   - state: What was pinned before; becomes what is behind the part.
  /// - Returns: What the part sees.
  func callAsFunction(
    _ tokens: Variable, scores: Variable, in tree: Tree,
    after state: inout LogarithmicMemory.State
  ) -> View {
    let before = state.pinned
    let candidates = Variable.concatenatingRows([before, tokens])
    let ranks = Tensor.concatenatingRows([state.pinnedScores, scores.value])
    let (tokenAttention, pinned) = TokenAttention.pinned(scores: ranks, count: count, in: tree)
    state.pinned = candidates.rows(at: pinned)
    state.pinnedScores = ranks.rows(at: pinned)
    let all = Variable.concatenatingRows([score(before), scores])
    return View(before: before, tokenAttention: tokenAttention, gates: all.logSigmoid())
  }

  /// Lists `score`.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("score", &score, visit)
  }
}
