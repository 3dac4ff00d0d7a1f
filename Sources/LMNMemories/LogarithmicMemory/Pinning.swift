internal import LMNAutodiff
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
  /// p: tokens that stay pinned.
  public let count: Int

  init(count: Int, width: Int, using source: inout ParameterSource) {
    self.count = count
    score = Linear(inputs: width, outputs: 1, using: &source)
  }

  /// The pinned tokens that the positions of a chunk attend to.
  struct View {
    /// `[p, E]`: those that were pinned before the chunk.
    let before: Variable
    /// Which of these, and of the chunk's tokens, each position attends to.
    let tokenAttention: TokenAttention
    /// `[p + L, 1]`: logarithms of the factors of their weights.
    let gates: Variable
  }

  /// Chooses the pinned tokens.
  ///
  /// - Parameters:
  ///   - tokens: `[L, E]`.
  ///   - scores: `[L, 1]`.
  ///   - tree: The part of the stream's tree that the tokens belong to.
  ///   - state: The state before the chunk; its pinned tokens become those after it.
  /// - Returns: The pinned tokens that the chunk attends to.
  func callAsFunction(
    _ tokens: Variable, scores: Variable, in tree: Tree,
    after state: inout MemoryState
  ) -> View {
    let before = state["pinned"]
    let candidates = Variable.concatenatingRows([before, tokens])
    let ranks = Tensor.concatenatingRows([state["pinned_scores"].value, scores.value])
    let (tokenAttention, pinned) = TokenAttention.pinned(scores: ranks, count: count, in: tree)
    state["pinned"] = candidates.rows(at: pinned)
    state["pinned_scores"] = Variable(constant: ranks.rows(at: pinned))
    let all = Variable.concatenatingRows([score(before), scores])
    return View(before: before, tokenAttention: tokenAttention, gates: all.logSigmoid())
  }

  /// Lists `score`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("score", &score)
  }
}
