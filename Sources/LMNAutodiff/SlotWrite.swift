public import LMNKernels

extension SlotWrite {
  /// The slots before the first of W segments and after each: `[(1 + W) · k, E]`.
  ///
  /// - Parameters:
  ///   - slots: `[k, E]`, before the first segment.
  ///   - tokens: `[W · S, 2E]`: key and value of each token.
  ///   - weight: `[2E, E]`: maps of slots to their queries and keys.
  ///   - forgetting: `[k, E]`; nil for zeros.
  /// - Returns: The slots.
  public func callAsFunction(
    _ slots: Variable, reading tokens: Variable, weight: Variable, forgetting: Variable?
  ) -> Variable {
    let (t, w, f) = (tokens.value, weight.value, forgetting?.value)
    let results = self(slots.value, reading: t, weight: w, forgetting: f)
    return Variable(
      results.slots,
      Edge.joint([slots, tokens, weight] + (forgetting.map { [$0] } ?? [])) { dy in
        let pulled = pullback(dy, results: results, reading: t, weight: w, forgetting: f)
        return [pulled.slots, pulled.tokens, pulled.weight]
          + (pulled.forgetting.map { [$0] } ?? [])
      })
  }
}
