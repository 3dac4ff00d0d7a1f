public import LMNAutodiff
public import LMNKernels

/// Embedding table: a learned vector per token of the vocabulary.
public struct Embedding: Module {
  /// `[V, E]`.
  public var table: Variable

  /// A table of normal values with mean 0 and the given standard deviation.
  public init(
    vocabularySize: Int, width: Int, deviation: Float = 1, using source: inout ParameterSource
  ) {
    table = source.parameter([vocabularySize, width], .normal(deviation: deviation))
  }

  /// The vectors `[L, E]` of L tokens.
  public func callAsFunction(_ tokens: TokenBuffer) -> Variable { table.embedding(of: tokens) }

  /// Lists `weight`, as checkpoints call the table.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &table)
  }
}
