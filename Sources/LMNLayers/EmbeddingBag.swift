public import LMNAutodiff
public import LMNKernels

/// Table of learned vectors that are summed per bag of rows.
public struct EmbeddingBag: Module {
  /// `[V, E]`.
  public var table: Variable

  /// A table of zeros.
  public init(vocabularySize: Int, width: Int, using source: inout ParameterSource) {
    table = source.parameter([vocabularySize, width], .constant(0))
  }

  /// The scaled sums `[B, E]` of B bags.
  public func callAsFunction(_ bags: Bags) -> Variable { table.embeddingBag(of: bags) }

  /// Lists `weight`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &table)
  }
}
