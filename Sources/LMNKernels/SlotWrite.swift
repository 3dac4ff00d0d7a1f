internal import CLMN

/// Rewriting of k slots by the tokens of a segment: slot attention with forgetting (Memformer, arXiv
/// 2010.06891).
///
/// Slots mᵢ, with queries qᵢ and keys κᵢ of their own, read tokens with keys κⱼ and values νⱼ. Per
/// head of D features:
///
///     p   = softmax over the slot itself and the tokens of q · κ / (√D · temperature)
///     uᵢ  = p₀ mᵢ + Σⱼ pⱼ νⱼ + forgettingᵢ
///     mᵢ′ = uᵢ / √(mean(uᵢ²) + epsilon)
public struct SlotWrite: Sendable {
  /// H, a divisor of the width E.
  public let heads: Int
  /// S: tokens of a segment.
  public let segment: Int
  /// Temperature of the softmax.
  public let temperature: Float
  /// Added to the mean square of a slot.
  public let epsilon: Float

  /// A rule with the given values.
  public init(heads: Int, segment: Int, temperature: Float, epsilon: Float) {
    (self.heads, self.segment) = (heads, segment)
    (self.temperature, self.epsilon) = (temperature, epsilon)
  }

  func scale(width: Int) -> Float {
    1 / (Float(width / heads).squareRoot() * temperature)
  }

  /// Slots after each of W segments, and what the pullback needs besides.
  public struct Results: Sendable {
    /// `[(1 + W) · k, E]`: the slots before the first segment, then those after each.
    public let slots: Tensor
    /// `[W · k, 2E]`: queries and keys of the slots.
    fileprivate let qk: Tensor
    /// u, `[W · k, E]`, and its norm's factors, `[W · k]`.
    fileprivate let sums, scale: Tensor
    /// Of the softmax, `[W · k, H]`.
    fileprivate let largest, normalizer: Tensor
  }

  /// The slots after each of several segments.
  ///
  /// - Parameters:
  ///   - slots: `[k, E]`, before the first segment.
  ///   - tokens: `[W · S, 2E]`: key and value of each token.
  ///   - weight: `[2E, E]`: maps of slots to their queries and keys.
  ///   - forgetting: `[k, E]`; nil for zeros.
  /// - Returns: The slots, and what the pullback needs.
  public func callAsFunction(
    _ slots: Tensor, reading tokens: Tensor, weight: Tensor, forgetting: Tensor?
  ) -> Results {
    let (k, width, writes) = (slots.shape[0], slots.shape[1], tokens.shape[0] / segment)
    precondition(
      width.isMultiple(of: heads) && width / heads <= CausalAttentionShape.mostHeadWidth
        && tokens.shape == [writes * segment, 2 * width] && weight.shape == [2 * width, width]
        && forgetting.map { $0.shape == slots.shape } ?? true,
      "SlotWrite: slots \(slots.shape), tokens \(tokens.shape), weight \(weight.shape), "
        + "forgetting \(forgetting?.shape ?? []), \(self)")
    let context = ExecutionContext.current
    let results = Results(
      slots: Tensor(uninitialized: [(1 + writes) * k, width]),
      qk: Tensor(uninitialized: [writes * k, 2 * width]),
      sums: Tensor(uninitialized: [writes * k, width]), scale: Tensor(uninitialized: [writes * k]),
      largest: Tensor(uninitialized: [writes * k, heads]),
      normalizer: Tensor(uninitialized: [writes * k, heads]))
    let right = weight.transposed
    slots.copyRows(into: results.slots.rows(0..<k))
    for index in 0..<writes {
      let rows = index * k..<(index + 1) * k
      let (old, new) = (
        results.slots.rows(rows), results.slots.rows(rows.upperBound..<rows.upperBound + k)
      )
      let (qk, sums, scale) = (
        results.qk.rows(rows), results.sums.rows(rows), results.scale.rows(rows)
      )
      let (largest, normalizer) = (results.largest.rows(rows), results.normalizer.rows(rows))
      let read = tokens.rows(index * segment..<(index + 1) * segment)
      context.run(
        lmn_matmul_forward,
        lmn_matmul(
          rows: k, inner: width, columns: 2 * width, left: old.base, right: right.base, bias: nil,
          product: qk.output), on: old, right, qk)
      context.run(
        lmn_slot_write_forward,
        lmn_slot_write(
          streams: 1, slots: k, tokens: segment, width: width, heads: heads,
          scale: self.scale(width: width), counts: nil, slot_values: old.base, slot_qk: qk.base,
          token_kv: read.base, forgetting: forgetting?.base, sums: sums.output,
          largest: largest.output, normalizer: normalizer.output), on: old, qk, read, forgetting,
        sums, largest,
        normalizer)
      context.run(
        lmn_rms_norm_forward,
        lmn_rms_norm(
          rows: k, width: width, epsilon: epsilon, x: sums.base, gain: nil,
          normalized: new.output, scale: scale.output), on: sums, new, scale)
    }
    return results
  }

  /// Pullback of ``callAsFunction(_:reading:weight:forgetting:)``, from the last segment to the
  /// first.
  ///
  /// - Parameters:
  ///   - cotangent: `[(1 + W) · k, E]`: of the slots before and after each segment.
  ///   - results: As returned by the forward operation.
  ///   - tokens: `[W · S, 2E]`.
  ///   - weight: `[2E, E]`.
  ///   - forgetting: `[k, E]`, or nil.
  /// - Returns: Cotangents of `slots`, `tokens` and `weight`, and of `forgetting` if there is one.
  public func pullback(
    _ cotangent: Tensor, results: Results, reading tokens: Tensor, weight: Tensor,
    forgetting: Tensor?
  ) -> (slots: Tensor, tokens: Tensor, weight: Tensor, forgetting: Tensor?) {
    let (width, writes) = (cotangent.shape[1], tokens.shape[0] / segment)
    let k = cotangent.shape[0] / (1 + writes)
    precondition(
      cotangent.shape == results.slots.shape,
      "SlotWrite: cotangent \(cotangent.shape) of \(results.slots.shape)")
    let context = ExecutionContext.current
    let d_tokens = Tensor(uninitialized: tokens.shape)
    let (d_qk, d_sums) = (
      Tensor(uninitialized: results.qk.shape), Tensor(uninitialized: results.sums.shape)
    )
    var d_slots = cotangent.rows(writes * k..<(writes + 1) * k)
    for index in (0..<writes).reversed() {
      let rows = index * k..<(index + 1) * k
      let (old, qk) = (results.slots.rows(rows), results.qk.rows(rows))
      let (sums, scale) = (results.sums.rows(rows), results.scale.rows(rows))
      let (largest, normalizer) = (results.largest.rows(rows), results.normalizer.rows(rows))
      let (d_ownQK, d_ownSums) = (d_qk.rows(rows), d_sums.rows(rows))
      let span = index * segment..<(index + 1) * segment
      let (read, d_read) = (tokens.rows(span), d_tokens.rows(span))
      let d_kept = Tensor(uninitialized: old.shape)
      context.run(
        lmn_rms_norm_backward,
        lmn_rms_norm_grad(
          rows: k, width: width, x: sums.base, gain: nil, scale: scale.base,
          d_normalized: d_slots.base, d_x: d_ownSums.output, d_gain: nil),
        on: sums, scale, d_slots, d_ownSums)
      context.run(
        lmn_slot_write_backward,
        lmn_slot_write_grad(
          streams: 1, slots: k, tokens: segment, width: width, heads: heads,
          scale: self.scale(width: width), counts: nil, slot_values: old.base, slot_qk: qk.base,
          token_kv: read.base, largest: largest.base, normalizer: normalizer.base,
          d_sums: d_ownSums.base, d_slot_values: d_kept.output, d_slot_qk: d_ownQK.output,
          d_token_kv: d_read.output),
        on: old, qk, read, largest, normalizer, d_ownSums, d_kept, d_ownQK, d_read)
      let before = Tensor(uninitialized: old.shape)
      before.overwrite(withSumOf: [cotangent.rows(rows), d_kept, d_ownQK.matmul(weight)])
      d_slots = before
    }
    return (
      d_slots, d_tokens, d_qk.matmulPullback(ofRight: results.slots.rows(0..<writes * k)),
      forgetting.map { d_sums.reshaped([writes, k * width]).summedRows().reshaped($0.shape) }
    )
  }
}
