internal import CLMN

/// Tokens to which positions attend in addition to a tree, and the positions that see each of them.
public struct TokenAttention: Sendable {
  /// R, the number of tokens, and X, the largest number of tokens that one position sees.
  public let tokens, places: Int
  /// `[R]`: row of each token among the slots.
  let rows: Buffer<Int32>
  /// `[L, X]`: indices of the tokens that a position sees; negative for none.
  let seen: Buffer<Int32>
  /// `[R, 2]`: the first position that sees a token, and the one after the last.
  let audience: Buffer<Int32>

  private init(rows: some Collection<Int32>, places: Int, length: Int) {
    tokens = rows.count
    self.places = places
    self.rows = Buffer(rows)
    seen = Buffer(repeatElement(0, count: length * places))
    audience = Buffer(repeatElement(0, count: 2 * rows.count))
  }

  /// Attention to a window: every position sees the `window` tokens before its own, in place x the
  /// one x + 1 positions before.
  public static func window(of tree: Tree) -> TokenAttention {
    let tokens = Int32(tree.level(0).rows.count)
    let tokenAttention = TokenAttention(
      rows: 0..<tokens, places: tree.shape.window, length: tree.length)
    lmn_token_attention_window(tree.layout, tokenAttention.seen.base, tokenAttention.audience.base)
    return tokenAttention
  }

  /// Attention to pinned tokens: every position sees the p tokens before its own with the highest
  /// scores.
  ///
  /// - Parameters:
  ///   - scores: `[p + L]`: of the tokens that were pinned before the part, −∞ for an empty place;
  ///     then of the part's tokens.
  ///   - count: p.
  ///   - tree: Part of a stream's tree; slots are its rows, then those of the tokens that were
  ///     pinned before it.
  /// - Returns: The attention to pinned tokens, and the tokens pinned after the part, as indices of
  ///   `scores`.
  public static func pinned(
    scores: Tensor, count: Int, in tree: Tree
  ) -> (tokenAttention: TokenAttention, pinned: PositionBuffer) {
    precondition(
      scores.count == count + tree.length, "pinned: scores \(scores.shape), \(count) pinned")
    let (before, tokens) = (tree.rowCount..<tree.rowCount + count, tree.tokenRows)
    let tokenAttention = TokenAttention(
      rows: (Array(before) + Array(tokens)).map(Int32.init), places: count, length: tree.length)
    let pinned = PositionBuffer(repeatElement(0, count: count))
    let arguments = lmn_pinning(
      length: tree.length, count: count, scores: scores.base, seen: tokenAttention.seen.base,
      audience: tokenAttention.audience.base, pinned: pinned.base)
    ExecutionContext.current.run(on: scores, tokenAttention.seen, tokenAttention.audience, pinned) {
      _ in
      withUnsafePointer(to: arguments) { lmn_token_attention_pinned($0) }
    }
    return (tokenAttention, pinned)
  }
}

extension TokenAttention: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [rows, seen, audience] }
}

extension Tensor {
  /// Extends an attention to further tokens, in place.
  ///
  /// - Parameters:
  ///   - tokenAttention: The tokens, as rows of `self`, the slots `[rows, 2E]`.
  ///   - gates: `[R]`, added to all scores of a token; or nil.
  ///   - bias: `[X, H]`, added to the scores of a place; or nil.
  ///   - keys: `[L, E]`.
  ///   - output: `[L, E]`, over the slots so far.
  ///   - logNormalizer: `[L, H]`, likewise.
  func tokenAttention(
    _ tokenAttention: TokenAttention, gates: Tensor?, bias: Tensor?, keys: Tensor, output: Tensor,
    logNormalizer: Tensor
  ) {
    precondition(
      gates == nil || gates!.count == tokenAttention.tokens,
      "tokenAttention: gates \(gates?.shape ?? []) of \(tokenAttention.tokens) tokens")
    precondition(
      bias == nil || bias!.shape == [tokenAttention.places, logNormalizer.shape[1]],
      "tokenAttention: bias \(bias?.shape ?? []) of \(tokenAttention.places) places")
    ExecutionContext.current.run(
      lmn_token_attention_forward,
      lmn_token_attention(
        length: keys.shape[0], width: keys.shape[1], heads: logNormalizer.shape[1],
        tokens: tokenAttention.tokens, places: tokenAttention.places,
        rows: tokenAttention.rows.base,
        seen: tokenAttention.seen.base, slots: base, gates: gates?.base, bias: bias?.base,
        keys: keys.base, output: output.output, log_normalizer: logNormalizer.output),
      on: self, tokenAttention, gates, bias, keys, output, logNormalizer)
  }

  /// Pullback of `tokenAttention`: adds to the cotangents of the slots and of the keys.
  ///
  /// - Returns: The cotangents of the gates `[R]` and of the bias `[X, H]`, each nil without one.
  func tokenAttentionPullback(
    _ cotangent: Tensor, _ tokenAttention: TokenAttention, gates: Tensor?, bias: Tensor?,
    keys: Tensor, output: Tensor, logNormalizer: Tensor, addingTo d_slots: Tensor, _ d_keys: Tensor
  ) -> (gates: Tensor?, bias: Tensor?) {
    let d_gates = gates.map { Tensor(uninitialized: $0.shape) }
    let d_bias = bias.map { Tensor(uninitialized: $0.shape) }
    let partialBias = bias.map {
      Tensor(uninitialized: [lmn_token_attention_units(keys.shape[0]), $0.count])
    }
    ExecutionContext.current.run(
      lmn_token_attention_backward,
      lmn_token_attention_grad(
        length: keys.shape[0], width: keys.shape[1], heads: logNormalizer.shape[1],
        tokens: tokenAttention.tokens, places: tokenAttention.places,
        rows: tokenAttention.rows.base,
        seen: tokenAttention.seen.base, audience: tokenAttention.audience.base, slots: base,
        gates: gates?.base, bias: bias?.base,
        keys: keys.base, output: output.base, log_normalizer: logNormalizer.base,
        d_output: cotangent.base, d_keys: d_keys.output, d_slots: d_slots.output,
        d_gates: d_gates?.output, d_bias: d_bias?.output, partial_bias: partialBias?.output),
      on: self, tokenAttention, gates, bias, keys, output, logNormalizer, cotangent, d_slots,
      d_keys, d_gates, d_bias, partialBias)
    return (d_gates, d_bias)
  }
}
