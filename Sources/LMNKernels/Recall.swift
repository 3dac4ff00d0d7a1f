internal import CLMN

/// Tokens that positions see as they are, beside a tree: who sees whom.
public struct Recall: Sendable {
  /// R: how many tokens are recalled, of which positions see at most `places` at once.
  public let tokens, places: Int
  /// `[R]`: the slot of each token.
  let rows: Buffer<Int32>
  /// `[L, places]`: what positions see; negative for nothing.
  let seen: Buffer<Int32>
  /// `[R, 2]`: the first position that sees a token, and the one behind the last.
  let audience: Buffer<Int32>

  private init(rows: some Collection<Int32>, places: Int, length: Int) {
    tokens = rows.count
    self.places = places
    self.rows = Buffer(rows)
    seen = Buffer(repeatElement(0, count: length * places))
    audience = Buffer(repeatElement(0, count: 2 * rows.count))
  }

  /// Every position sees the tokens of its window: the last ones before its own.
  public static func window(of tree: Tree) -> Recall {
    let tokens = Int32(tree.level(0).rows.count)
    let recall = Recall(rows: 0..<tokens, places: tree.shape.window, length: tree.length)
    lmn_recall_window(tree.layout, recall.seen.base, recall.audience.base)
    return recall
  }

  /// Every position sees the p tokens before its own that have the highest scores.
  ///
  /// - Parameters:
  ///   - scores: `[p + L]`: of the tokens that were pinned before, −∞ for an empty place, and of the
  ///     part's tokens.
  ///   - places: p.
  ///   - tree: Which part of a stream's tree this is; slots are its rows, and behind them those of the
  ///     tokens that were pinned before.
  /// - Returns: Who sees whom, and which tokens are pinned behind the part, as places in `scores`.
  public static func pinned(
    scores: Tensor, places: Int, in tree: Tree
  ) -> (recall: Recall, pinned: PositionBuffer) {
    precondition(
      scores.count == places + tree.length, "pinned: scores \(scores.shape), \(places) places")
    let (before, tokens) = (tree.rowCount..<tree.rowCount + places, tree.tokenRows)
    let recall = Recall(
      rows: (Array(before) + Array(tokens)).map(Int32.init), places: places, length: tree.length)
    let pinned = PositionBuffer(repeatElement(0, count: places))
    let arguments = lmn_pinning(
      length: tree.length, places: places, scores: scores.base, seen: recall.seen.base,
      audience: recall.audience.base, pinned: pinned.base)
    ExecutionContext.current.run(on: scores, recall.seen, recall.audience, pinned) { _ in
      withUnsafePointer(to: arguments) { lmn_recall_pinned($0) }
    }
    return (recall, pinned)
  }
}

extension Recall: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [rows, seen, audience] }
}

extension Tensor {
  /// Goes on with an attention over recalled tokens, in place.
  ///
  /// - Parameters:
  ///   - recall: Who sees whom; names rows of `self`, the slots `[rows, 2E]`.
  ///   - gates: `[R]`, added to all scores of a token; or nil.
  ///   - keys: `[L, E]`.
  ///   - output: `[L, E]`, over the slots so far.
  ///   - logNormalizer: `[L, H]`, likewise.
  func recall(
    _ recall: Recall, gates: Tensor?, keys: Tensor, output: Tensor, logNormalizer: Tensor
  ) {
    precondition(
      gates == nil || gates!.count == recall.tokens,
      "recall: gates \(gates?.shape ?? []) of \(recall.tokens) tokens")
    ExecutionContext.current.run(
      lmn_recall_forward,
      lmn_recall(
        length: keys.shape[0], width: keys.shape[1], heads: logNormalizer.shape[1],
        tokens: recall.tokens, places: recall.places, rows: recall.rows.base,
        seen: recall.seen.base, slots: base, gates: gates?.base, keys: keys.base,
        output: output.output, log_normalizer: logNormalizer.output),
      on: self, recall, gates, keys, output, logNormalizer)
  }

  /// Adds what the cotangent of an attention's output gives to recalled tokens and to the keys.
  ///
  /// - Returns: The cotangent of the gates `[R]`; nil without gates.
  func recallPullback(
    _ cotangent: Tensor, _ recall: Recall, gates: Tensor?, keys: Tensor, output: Tensor,
    logNormalizer: Tensor, addingTo d_slots: Tensor, _ d_keys: Tensor
  ) -> Tensor? {
    let d_gates = gates.map { Tensor(uninitialized: $0.shape) }
    ExecutionContext.current.run(
      lmn_recall_backward,
      lmn_recall_grad(
        length: keys.shape[0], width: keys.shape[1], heads: logNormalizer.shape[1],
        tokens: recall.tokens, places: recall.places, rows: recall.rows.base,
        seen: recall.seen.base, audience: recall.audience.base, slots: base, gates: gates?.base,
        keys: keys.base, output: output.base, log_normalizer: logNormalizer.base,
        d_output: cotangent.base, d_keys: d_keys.output, d_slots: d_slots.output,
        d_gates: d_gates?.output),
      on: self, recall, gates, keys, output, logNormalizer, cotangent, d_slots, d_keys, d_gates)
    return d_gates
  }
}
