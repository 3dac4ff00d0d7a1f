internal import CLMN

/// Tokens grouped by the memories that receive them, by a stable counting sort: a token has a row
/// in the segment of each, and rows of a segment are in the order of their tokens.
public struct Grouping: Sendable {
  /// The choices by which tokens are grouped.
  public let choices: RouterChoices
  /// Whether one more segment, the last, receives every token.
  public let isShared: Bool
  /// Segments of the rows, one per memory.
  public let segments: Segments
  /// `[L, C]`: row of each choice of a token.
  let places: Buffer<Int32>

  /// C: memories that receive a token.
  public var choicesPerToken: Int { choices.routed + (isShared ? 1 : 0) }

  /// Groups tokens; in a recording, at every run.
  ///
  /// - Parameters:
  ///   - choices: Memories chosen by the tokens.
  ///   - isShared: Whether a further memory receives every token.
  public init(_ choices: RouterChoices, isShared: Bool) {
    let perToken = choices.routed + (isShared ? 1 : 0)
    let count = choices.memories + (isShared ? 1 : 0)
    let (rows, routed, chosen) = (choices.tokens * perToken, choices.routed, choices.chosen)
    let offsets = Buffer<Int32>(repeatElement(0, count: count + 1))
    let places = Buffer<Int32>(repeatElement(0, count: rows))
    self.choices = choices
    self.isShared = isShared
    self.segments = Segments(rows: rows, count: count, offsets: offsets)
    self.places = places
    let (tokens, memories) = (choices.tokens, choices.memories)
    ExecutionContext.current.run(on: chosen, offsets, places) { _ in
      var arguments = lmn_grouping(
        rows: tokens, memories: memories, routed: routed, shared: isShared, chosen: chosen.base,
        offsets: offsets.base, places: places.base)
      lmn_group_tokens(&arguments)
    }
  }
}

extension Tensor {
  /// Copies of the rows at the places of their choices.
  ///
  /// - Parameters:
  ///   - grouping: Grouping of L tokens.
  ///   - weights: `[L, k]`, factors of the copies for the router's choices; nil for 1.
  /// - Returns: `[N, E]` for `self` of `[L, E]`.
  public func dispatched(by grouping: Grouping, weights: Tensor? = nil) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == grouping.choices.tokens,
      "dispatched: rows \(shape) of \(grouping.choices.tokens) tokens")
    let dispatched = Tensor(uninitialized: [grouping.segments.rows, shape[1]])
    ExecutionContext.current.run(
      lmn_dispatch_forward,
      lmn_dispatch(
        choices: grouping.arguments(weights), width: shape[1], tokens: base,
        dispatched: dispatched.output),
      on: self, grouping.places, weights, dispatched)
    return dispatched
  }

  /// Sum of the rows at the places of each token's choices.
  ///
  /// - Parameters:
  ///   - grouping: Grouping of L tokens.
  ///   - weights: `[L, k]`, factors of the router's choices; nil for 1.
  /// - Returns: `[L, E]` for `self` of `[N, E]`.
  public func combined(by grouping: Grouping, weights: Tensor? = nil) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == grouping.segments.rows,
      "combined: rows \(shape) of \(grouping.segments.rows)")
    let combined = Tensor(uninitialized: [grouping.choices.tokens, shape[1]])
    ExecutionContext.current.run(
      lmn_combine_forward,
      lmn_combine(
        choices: grouping.arguments(weights), width: shape[1], dispatched: base,
        combined: combined.output),
      on: self, grouping.places, weights, combined)
    return combined
  }

  /// Pullback of ``combined(by:weights:)``: the cotangent of the weights, `[L, k]`.
  ///
  /// - Parameters:
  ///   - cotangent: `[L, E]`.
  ///   - grouping: As of the forward operation.
  /// - Returns: `[L, k]`; `self` are the rows `[N, E]`.
  public func combinedPullback(ofWeights cotangent: Tensor, by grouping: Grouping) -> Tensor {
    precondition(
      cotangent.shape == [grouping.choices.tokens, shape[1]],
      "combinedPullback: cotangent \(cotangent.shape) of rows \(shape)")
    let weights = grouping.choices.weights
    let d_weights = Tensor(uninitialized: weights.shape)
    ExecutionContext.current.run(
      lmn_combine_backward,
      lmn_combine_grad(
        choices: grouping.arguments(weights), width: shape[1], dispatched: base,
        d_combined: cotangent.base, d_weights: d_weights.output),
      on: self, grouping.places, weights, cotangent, d_weights)
    return d_weights
  }

  /// Product of the rows of each segment with the segment's matrix, plus its bias.
  ///
  /// - Parameters:
  ///   - right: `[G, K, N]`.
  ///   - bias: `[G, N]`, or nil for none.
  ///   - segments: G segments.
  /// - Returns: `[M, N]` for `self` of `[M, K]`.
  public func groupedMatmul(
    _ right: Tensor, bias: Tensor? = nil, of segments: Segments
  ) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == segments.rows && right.shape.count == 3
        && right.shape[0] == segments.count && right.shape[1] == shape[1],
      "groupedMatmul: rows \(shape), matrices \(right.shape), \(segments.count) segments")
    precondition(
      bias == nil || bias!.shape == [segments.count, right.shape[2]],
      "groupedMatmul: bias \(bias?.shape ?? []) of matrices \(right.shape)")
    let product = Tensor(uninitialized: [shape[0], right.shape[2]])
    ExecutionContext.current.run(
      lmn_grouped_matmul_forward,
      lmn_grouped_matmul(
        rows: shape[0], inner: shape[1], columns: right.shape[2], segments: segments.count,
        offsets: segments.offsets?.base, left: base, right: right.base, bias: bias?.base,
        product: product.output),
      on: self, segments, right, bias, product)
    return product
  }

  /// Pullback of ``groupedMatmul(_:bias:of:)``: the cotangent of the matrices.
  ///
  /// - Parameters:
  ///   - cotangent: `[M, N]`.
  ///   - segments: As of the forward operation.
  /// - Returns: `[G, K, N]` for `self` of `[M, K]`.
  public func groupedMatmulPullback(ofRight cotangent: Tensor, of segments: Segments) -> Tensor {
    precondition(
      shape.count == 2 && cotangent.shape.count == 2 && shape[0] == cotangent.shape[0]
        && shape[0] == segments.rows,
      "groupedMatmulPullback: shapes \(shape) and \(cotangent.shape)")
    let right = Tensor(uninitialized: [segments.count, shape[1], cotangent.shape[1]])
    ExecutionContext.current.run(
      lmn_grouped_matmul_backward_right,
      lmn_grouped_matmul_grad(
        rows: shape[0], inner: shape[1], columns: cotangent.shape[1], segments: segments.count,
        offsets: segments.offsets?.base, left: base, d_product: cotangent.base,
        d_right: right.output),
      on: self, segments, cotangent, right)
    return right
  }

  /// Sum of the rows of each segment: `[G, N]` for `self` of `[M, N]`.
  public func summedRows(of segments: Segments) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == segments.rows,
      "summedRows: rows \(shape) of \(segments.rows)")
    let sum = Tensor(uninitialized: [segments.count, shape[1]])
    ExecutionContext.current.run(
      lmn_grouped_row_sum_forward,
      lmn_grouped_row_sum(
        rows: shape[0], columns: shape[1], segments: segments.count,
        offsets: segments.offsets?.base, matrix: base, sum: sum.output),
      on: self, segments, sum)
    return sum
  }
}

extension Grouping {
  fileprivate func arguments(_ weights: Tensor?) -> lmn_choices {
    precondition(
      weights == nil || weights!.shape == choices.weights.shape,
      "Grouping: weights \(weights?.shape ?? []), not \(choices.weights.shape)")
    return lmn_choices(
      rows: choices.tokens, choices: choicesPerToken, routed: weights == nil ? 0 : choices.routed,
      places: places.base, weights: weights?.base)
  }
}
