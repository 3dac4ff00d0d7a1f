internal import CLMN

/// The most heads that single-vector attention can have.
public let mostHeads = Int(LMN_MOST_HEADS)

extension Tensor {
  /// Single-vector attention: every position's key answers the queries of the nodes it sees.
  ///
  /// Position t sees its own token and, per bank and level i with t + 1 ≥ 2ⁱ, node
  /// ⌊(t + 1) / 2ⁱ⌋ − 1. Per head of D = E / H features:
  ///
  ///     output[t] = Σₛ softmax(query[s] · key[t] / √D) value[s]
  ///
  /// The features of head h are those whose index is h modulo H: heads lie side by side.
  ///
  /// - Parameters:
  ///   - keys: `[L, E]`.
  ///   - tree: Which part of a stream's tree the slots are.
  ///   - heads: H, a divisor of E.
  /// - Returns: `output` `[L, E]` and `logNormalizer` `[L, H]`, for `self` of `[N, 2E]`: query and
  ///   value of each node side by side.
  public func singleVectorAttention(
    keys: Tensor, of tree: Tree, heads: Int
  ) -> (output: Tensor, logNormalizer: Tensor) {
    let width = keys.shape[1]
    precondition(
      shape == [tree.rowCount, 2 * width] && keys.shape == [tree.length, width]
        && width.isMultiple(of: heads) && heads <= mostHeads,
      "singleVectorAttention: slots \(shape), keys \(keys.shape), \(heads) heads, \(tree)")
    let output = Tensor(uninitialized: keys.shape)
    let logNormalizer = Tensor(uninitialized: [tree.length, heads])
    ExecutionContext.current.run(
      lmn_single_vector_attention_forward,
      lmn_single_vector_attention(
        tree: tree.layout, width: width, heads: heads, slots: base, keys: keys.base,
        output: output.output, log_normalizer: logNormalizer.output),
      on: self, keys, output, logNormalizer)
    return (output, logNormalizer)
  }

  /// What the cotangent of an attention's output gives to its slots and keys.
  ///
  /// - Parameters:
  ///   - cotangent: `[L, E]`.
  ///   - keys: `[L, E]`.
  ///   - output: As ``singleVectorAttention(keys:of:heads:)`` returned it.
  ///   - logNormalizer: Likewise.
  ///   - tree: Which part of a stream's tree the slots are.
  /// - Returns: `slots` `[N, 2E]` and `keys` `[L, E]`, for `self`, the slots.
  public func singleVectorAttentionPullback(
    _ cotangent: Tensor, keys: Tensor, output: Tensor, logNormalizer: Tensor, of tree: Tree
  ) -> (slots: Tensor, keys: Tensor) {
    precondition(
      cotangent.shape == keys.shape,
      "singleVectorAttentionPullback: \(cotangent.shape) of keys \(keys.shape)")
    let d_slots = Tensor(uninitialized: shape)
    let d_keys = Tensor(uninitialized: keys.shape)
    let partial = Tensor(
      uninitialized: [lmn_single_vector_attention_partial_rows(tree.layout), shape[1]])
    ExecutionContext.current.run(
      lmn_single_vector_attention_backward,
      lmn_single_vector_attention_grad(
        tree: tree.layout, width: keys.shape[1], heads: logNormalizer.shape[1], slots: base,
        keys: keys.base, output: output.base, log_normalizer: logNormalizer.base,
        d_output: cotangent.base, d_keys: d_keys.output, d_slots: d_slots.output,
        partial: partial.output),
      on: self, cotangent, keys, output, logNormalizer, d_slots, d_keys, partial)
    return (d_slots, d_keys)
  }
}
