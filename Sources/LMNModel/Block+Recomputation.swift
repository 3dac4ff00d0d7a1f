internal import LMNAutodiff
internal import LMNLayers
internal import LMNMemories

extension Block {
  /// The parallel form, whose intermediate values are computed again in the backward pass instead of
  /// being kept; only inputs, outputs, states and routings are.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens.
  ///   - state: The memory's state before them, updated to that after them.
  ///   - pass: The pass; its dropout is applied to both parts' outputs.
  /// - Returns: `[L, E]`.
  func recomputed(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let before = state
    let (start, positions, dropout) = (pass.start, pass.positions, pass.dropout)
    let (results, routings) = recomputing([x] + before.parts.map(\.value)) { block, inputs in
      var rest = inputs.dropFirst().makeIterator()
      var state = before.mapValues { _ in rest.next()! }
      var pass = Pass(start: start, positions: positions, dropout: dropout)
      let y = block(inputs[0], after: &state, &pass)
      return ([y] + state.parts.map(\.value) + pass.routings.map(\.logits), pass.routings)
    }
    var rest = results.dropFirst().makeIterator()
    state = state.mapValues { _ in rest.next()! }
    pass.routings += routings.map { $0.with(logits: rest.next()!) }
    return results[0]
  }
}
