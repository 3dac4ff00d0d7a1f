public import LMNAutodiff
public import LMNKernels

/// A learned vector for every token of a vocabulary.
public struct Embedding: Module {
  /// `[V, E]`.
  public var table: Variable

  /// A table of normal values, standard ones unless told otherwise.
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
