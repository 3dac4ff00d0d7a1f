internal import CLMN

/// Largest number of heads of single-vector attention.
public let mostHeads = Int(LMN_MOST_HEADS)

/// Slots to which positions attend, and terms added to their scores.
public struct AttentionView: Sendable {
  /// Part of a stream's tree to whose slots positions attend.
  public let tree: Tree
  /// Number of heads H, a divisor of E.
  public let heads: Int
  /// `[maximumLevels + 1, H]`, added to the scores, a row per level; nil for none.
  public let levelBias: Tensor?
  /// Further tokens to which positions attend.
  public let tokenAttentions: [TokenAttention]
  /// For each of ``tokenAttentions`` `[R]`, added to the scores of its tokens; nil for none.
  public let gates: [Tensor?]
  /// For each of ``tokenAttentions`` `[X, H]`, added to the scores of its places; nil for none.
  public let placeBiases: [Tensor?]

  /// Creates a view of a tree and of further tokens.
  public init(
    of tree: Tree, heads: Int, levelBias: Tensor? = nil,
    beside tokenAttentions: [(tokenAttention: TokenAttention, gates: Tensor?, bias: Tensor?)] = []
  ) {
    precondition(
      levelBias == nil || levelBias!.shape == [tree.shape.maximumLevels + 1, heads],
      "AttentionView: bias \(levelBias?.shape ?? []) of \(tree), \(heads) heads")
    self.tree = tree
    self.heads = heads
    self.levelBias = levelBias
    self.tokenAttentions = tokenAttentions.map(\.tokenAttention)
    gates = tokenAttentions.map(\.gates)
    placeBiases = tokenAttentions.map(\.bias)
  }
}

extension Tensor {
  /// Single-vector attention: a query and a value per slot, one key per position.
  ///
  /// Per head of D = E / H features:
  ///
  ///     output[t] = Σₛ softmax(query[s] · key[t] / √D + bias[s]) value[s]
  ///
  /// The features of head h are those whose index is congruent to h modulo H.
  ///
  /// - Parameters:
  ///   - keys: `[L, E]`.
  ///   - view: Slots to which positions attend.
  /// - Returns: `output` `[L, E]` and `logNormalizer` `[L, H]`, for `self` of `[≥ N, 2E]`: query,
  ///   then value, of each slot of the tree, then of further tokens.
  public func singleVectorAttention(
    keys: Tensor, seeing view: AttentionView
  ) -> (output: Tensor, logNormalizer: Tensor) {
    let (width, tree, heads) = (keys.shape[1], view.tree, view.heads)
    precondition(
      shape[0] >= tree.rowCount && shape[1] == 2 * width && keys.shape == [tree.length, width]
        && width.isMultiple(of: heads) && heads <= mostHeads,
      "singleVectorAttention: slots \(shape), keys \(keys.shape), \(heads) heads, \(tree)")
    let output = Tensor(uninitialized: keys.shape)
    let logNormalizer = Tensor(uninitialized: [tree.length, heads])
    ExecutionContext.current.run(
      lmn_single_vector_attention_forward,
      lmn_single_vector_attention(
        tree: tree.layout, width: width, heads: heads, slots: base, keys: keys.base,
        bias: view.levelBias?.base, output: output.output, log_normalizer: logNormalizer.output),
      on: self, keys, view.levelBias, output, logNormalizer)
    for (index, tokenAttention) in view.tokenAttentions.enumerated() {
      self.tokenAttention(
        tokenAttention, gates: view.gates[index], bias: view.placeBiases[index], keys: keys,
        output: output, logNormalizer: logNormalizer)
    }
    return (output, logNormalizer)
  }

  /// Pullback of ``singleVectorAttention(keys:seeing:)``: the cotangents of slots, keys, gates
  /// and biases given that of the output.
  ///
  /// - Parameters:
  ///   - cotangent: `[L, E]`.
  ///   - keys: `[L, E]`.
  ///   - output: As returned by the forward operation.
  ///   - logNormalizer: As returned by the forward operation.
  ///   - view: As given to the forward operation.
  /// - Returns: `slots`, `keys`, `levelBias`, `gates` and `placeBiases`, each of the shape of its
  ///   input, nil without one; `self` are the slots.
  public func singleVectorAttentionPullback(
    _ cotangent: Tensor, keys: Tensor, output: Tensor, logNormalizer: Tensor,
    seeing view: AttentionView
  ) -> (
    slots: Tensor, keys: Tensor, levelBias: Tensor?, gates: [Tensor?], placeBiases: [Tensor?]
  ) {
    precondition(
      cotangent.shape == keys.shape,
      "singleVectorAttentionPullback: \(cotangent.shape) of keys \(keys.shape)")
    let layout = view.tree.layout
    let d_slots = Tensor(uninitialized: shape)
    let d_keys = Tensor(uninitialized: keys.shape)
    let partial = Tensor(
      uninitialized: [lmn_single_vector_attention_partial_rows(layout), shape[1]])
    let d_levelBias = view.levelBias.map { Tensor(uninitialized: $0.shape) }
    let partialBias = view.levelBias.map {
      Tensor(uninitialized: [lmn_single_vector_attention_units(layout), $0.count])
    }
    ExecutionContext.current.run(
      lmn_single_vector_attention_backward,
      lmn_single_vector_attention_grad(
        tree: layout, width: keys.shape[1], heads: view.heads, slots: base, keys: keys.base,
        bias: view.levelBias?.base, output: output.base, log_normalizer: logNormalizer.base,
        d_output: cotangent.base, d_keys: d_keys.output, d_slots: d_slots.output,
        partial: partial.output, d_bias: d_levelBias?.output, partial_bias: partialBias?.output),
      on: self, cotangent, keys, view.levelBias, output, logNormalizer, d_slots, d_keys, partial,
      d_levelBias, partialBias)
    let rows = view.tree.rowCount
    if shape[0] > rows {
      d_slots.rows(rows..<shape[0]).writeZeros()
    }
    let pulled = view.tokenAttentions.enumerated().map { index, tokenAttention in
      tokenAttentionPullback(
        cotangent, tokenAttention, gates: view.gates[index], bias: view.placeBiases[index],
        keys: keys, output: output, logNormalizer: logNormalizer, addingTo: d_slots, d_keys)
    }
    return (d_slots, d_keys, d_levelBias, pulled.map(\.gates), pulled.map(\.bias))
  }
}
