internal import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Pinned tokens: the p tokens with the highest learned scores stay in memory unchanged, beside the
/// tree (the open question of critical memory in arXiv 2501.07905).
///
/// The score is a learned affine map of a token. After the attention at position t, token t
/// replaces the pinned token with the lowest score if its own is higher: position t attends to the
/// best tokens before it, independent of later ones.
///
/// The choice of pinned tokens is not differentiable. Scores are trained through their gates: the
/// attention weight of a pinned token is multiplied by the sigmoid of its score, as in Expire-Span
/// (arXiv 2105.06548, section 3.2) and with the router weight of Mixture-of-Depths (arXiv
/// 2404.02258, section 3.4). A useful token therefore gets a higher score, and similar tokens are
/// chosen before others.
public struct Pinning: Module {
  /// A token's score: E → 1.
  public var score: Linear
  /// p: number of pinned tokens.
  public let count: Int

  init(count: Int, width: Int, using source: inout ParameterSource) {
    self.count = count
    score = Linear(inputs: width, outputs: 1, using: &source)
  }

  /// Pinned tokens that the positions of a chunk attend to.
  struct View {
    /// `[p, E]`: tokens pinned before the chunk.
    let before: Variable
    /// Indices, among these and the chunk's tokens, that each position attends to.
    let tokenAttention: TokenAttention
    /// `[p + L, 1]`: logarithms of the gates of the attention weights.
    let gates: Variable
  }

  /// Updates the pinned tokens.
  ///
  /// - Parameters:
  ///   - tokens: `[L, E]`.
  ///   - scores: `[L, 1]`.
  ///   - tree: The part of the stream's tree that the tokens belong to.
  ///   - state: The state before the chunk; its pinned tokens are updated to those after it.
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
