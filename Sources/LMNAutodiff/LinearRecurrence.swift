public import LMNKernels

extension Variable {
  /// Linear recurrence (``LMNKernels/LinearRecurrence``) of the rows of several segments; `self` are
  /// the queries, `[N, H · d_k]`.
  ///
  /// - Parameters:
  ///   - keys: `[N, H · d_k]`.
  ///   - values: `[N, H · d_v]`.
  ///   - beta: `[N, H]`, step sizes of the delta rule, or nil.
  ///   - decay: `[N, H]` or, without beta, `[N, H · d_k]`: log-decays; or nil.
  ///   - heads: H.
  ///   - state: `[G, H, d_k, d_v]`, the states before the first rows.
  ///   - segments: G segments of the rows.
  ///   - chunk: Rows computed together; nil for the fastest.
  /// - Returns: The output `[N, H · d_v]`, and the states after the last rows.
  public func linearRecurrence(
    keys: Variable, values: Variable, beta: Variable?, decay: Variable?, heads: Int,
    after state: Variable, of segments: Segments, chunk: Int? = nil
  ) -> (output: Variable, nextState: Variable) {
    let recurrence = LinearRecurrence(
      queries: value, keys: keys.value, values: values.value, beta: beta?.value,
      decay: decay?.value, heads: heads, chunk: chunk)
    let inputs = [self, keys, values, state] + [beta, decay].compactMap(\.self)
    let before = state.value
    let results = recurrence(
      after: before, of: segments, keepsStates: inputs.contains { $0.source != nil })
    let variables = Variable.results([results.output, results.nextState], of: inputs) {
      cotangents in
      let pulled = recurrence.pullback(
        ofOutput: cotangents[0], nextState: cotangents[1], results: results, after: before,
        of: segments)
      return [pulled.queries, pulled.keys, pulled.values, pulled.state]
        + [pulled.beta, pulled.decay].compactMap(\.self)
    }
    return (variables[0], variables[1])
  }
}
