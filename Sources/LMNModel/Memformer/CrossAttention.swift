internal import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Attention of tokens to a set of vectors: slots of a memory, or an encoded segment.
public struct CrossAttention: Module {
  /// Map of the tokens to queries: E → E.
  public var query: Linear
  /// Map of the set to keys and values: E → 2E.
  public var keyValue: Linear
  /// Output map: E → E.
  public var output: Linear
  private let heads: Int

  /// An attention with parameters from `source`.
  init(width: Int, heads: Int, using source: inout ParameterSource) {
    self.heads = heads
    query = Linear(inputs: width, outputs: width, using: &source)
    keyValue = Linear(inputs: width, outputs: 2 * width, using: &source)
    output = Linear(inputs: width, outputs: width, using: &source)
  }

  /// Keys and values `[n, 2E]` of a set `[n, E]`.
  func keysAndValues(of set: Variable) -> Variable { keyValue(set) }

  /// The output `[L, E]` for L tokens `[L, E]`.
  ///
  /// - Parameters:
  ///   - x: The tokens.
  ///   - set: Keys and values `[n, 2E]`.
  /// - Returns: The output.
  func callAsFunction(_ x: Variable, to set: Variable) -> Variable {
    let shape = SegmentAttentionShape(
      heads: heads, segment: x.value.shape[0], slots: set.value.shape[0])
    return output(query(x).segmentAttention(slots: set, tokens: nil, bias: nil, shape))
  }

  /// Visits the parameters.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("q", &query)
    visit("kv", &keyValue)
    visit("out_proj", &output)
  }
}
