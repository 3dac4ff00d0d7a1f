internal import CLMN

/// Index of an entry of a vocabulary, from 0.
public typealias Token = Int32

extension Tensor {
  /// Rows of an embedding table for the given tokens.
  ///
  /// - Parameter tokens: `[L]`.
  /// - Returns: `[L, E]` for `self` of `[V, E]`.
  /// - Precondition: Every token is in 0 ..< V.
  public func embedding(of tokens: TokenBuffer) -> Tensor {
    expectTokens(tokens, below: shape[0], operation: "embedding")
    let vectors = Tensor(uninitialized: [tokens.count, shape[1]])
    ExecutionContext.current.run(
      lmn_embedding_forward,
      lmn_embedding(
        rows: tokens.count, vocabulary: shape[0], width: shape[1], ids: tokens.base, table: base,
        vectors: vectors.output),
      on: self, tokens, vectors)
    return vectors
  }

  /// Pullback of ``embedding(of:)``: the cotangent of the table given that of the vectors.
  ///
  /// - Parameters:
  ///   - tokens: As given to the forward operation.
  ///   - vocabularySize: V.
  /// - Returns: `[V, E]`; `self` is the cotangent, `[L, E]`.
  public func embeddingPullback(of tokens: TokenBuffer, vocabularySize: Int) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == tokens.count,
      "embeddingPullback: \(shape) of \(tokens.count) tokens")
    let d_table = Tensor(uninitialized: [vocabularySize, shape[1]])
    ExecutionContext.current.run(
      lmn_embedding_backward,
      lmn_embedding_grad(
        rows: tokens.count, vocabulary: vocabularySize, width: shape[1], ids: tokens.base,
        d_vectors: base, d_table: d_table.output),
      on: self, tokens, d_table)
    return d_table
  }
}

/// Traps if a token is outside the vocabulary.
func expectTokens(_ tokens: TokenBuffer, below vocabularySize: Int, operation: String) {
  for (index, token) in tokens.elements.enumerated() {
    expectToken(token, below: vocabularySize, operation: operation, "at \(index)")
  }
}

/// Traps if a token is outside the vocabulary; `place` describes its place.
package func expectToken(
  _ token: Token, below vocabularySize: Int, operation: String, _ place: @autoclosure () -> String
) {
  precondition(
    token >= 0 && token < vocabularySize,
    "\(operation): token \(token) \(place()) is not in a vocabulary of \(vocabularySize)")
}
