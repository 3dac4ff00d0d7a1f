internal import CLMN

/// An entry of a vocabulary, from 0.
public typealias Token = Int32

extension Tensor {
  /// The table's rows of the given tokens.
  ///
  /// - Parameter tokens: L of them.
  /// - Returns: `[L, E]` for `self` of `[V, E]`.
  /// - Precondition: Every token is in 0 ..< V.
  public func embedding(of tokens: [Token]) -> Tensor {
    expectTokens(tokens, below: shape[0], operation: "embedding")
    return Tensor(shape: [tokens.count, shape[1]]) { vectors in
      withExtendedLifetime(self) {
        tokens.withUnsafeBufferPointer { ids in
          var arguments = lmn_embedding(
            rows: tokens.count, vocabulary: shape[0], width: shape[1], ids: ids.baseAddress,
            table: base, vectors: vectors)
          lmn_embedding_forward(ExecutionContext.current.kernels, &arguments)
        }
      }
    }
  }

  /// What the cotangent of ``embedding(of:)`` gives to the table.
  ///
  /// - Parameters:
  ///   - tokens: As given to the forward operation.
  ///   - vocabularySize: V.
  /// - Returns: `[V, E]` for `self` of `[L, E]`, the cotangent.
  public func embeddingPullback(of tokens: [Token], vocabularySize: Int) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == tokens.count,
      "embeddingPullback: \(shape) of \(tokens.count) tokens")
    return Tensor(shape: [vocabularySize, shape[1]]) { d_table in
      withExtendedLifetime(self) {
        tokens.withUnsafeBufferPointer { ids in
          var arguments = lmn_embedding_grad(
            rows: tokens.count, vocabulary: vocabularySize, width: shape[1], ids: ids.baseAddress,
            d_vectors: base, d_table: d_table)
          lmn_embedding_backward(ExecutionContext.current.kernels, &arguments)
        }
      }
    }
  }
}

/// Traps with the first token that is outside the vocabulary.
func expectTokens(_ tokens: [Token], below vocabularySize: Int, operation: String) {
  guard let index = tokens.firstIndex(where: { !(0..<vocabularySize).contains(Int($0)) }) else {
    return
  }
  preconditionFailure(
    "\(operation): token \(tokens[index]) at \(index) is not in a vocabulary of \(vocabularySize)")
}
