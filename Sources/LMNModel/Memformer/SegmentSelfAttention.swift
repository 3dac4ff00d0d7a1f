public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Self-attention of the tokens of one segment, with a learned bias by distance.
public struct SegmentSelfAttention: Module {
  /// Map to query, key and value: E → 3E.
  public var projection: Linear
  /// `[H, S]`, by the distance to an earlier token; or `[H, 2S − 1]`, by distances of both signs.
  public var positionBias: Variable
  /// Output map: E → E.
  public var output: Linear
  private let shape: SegmentAttentionShape

  /// An attention with parameters from `source`; biases by distance begin as 0.
  init(width: Int, _ shape: SegmentAttentionShape, using source: inout ParameterSource) {
    self.shape = shape
    projection = Linear(inputs: width, outputs: 3 * width, using: &source)
    positionBias = source.parameter([shape.heads, shape.distances], .constant(0))
    output = Linear(inputs: width, outputs: width, using: &source)
  }

  /// Attention of the next L tokens of a segment.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - tokens: Keys and values `[m, 2E]` of the segment's tokens so far, nil for none; those of
  ///     the next ones are added.
  /// - Returns: `[L, E]`.
  func callAsFunction(_ x: Variable, after tokens: inout Variable?) -> Variable {
    let width = x.value.shape[1]
    let (queries, others) = (0..<width, width..<3 * width)
    let (weight, bias) = (projection.weight, projection.bias)
    let own = x.linear(weight: weight.rows(others), bias: bias.rows(others))
    let all = tokens.map { .concatenatingRows([$0, own]) } ?? own
    tokens = all
    let none = Variable(constant: Tensor(shape: [0, 2 * width], scalars: []))
    return output(
      x.linear(weight: weight.rows(queries), bias: bias.rows(queries))
        .segmentAttention(slots: none, tokens: all, bias: positionBias, shape))
  }

  /// Attention of all tokens of a segment.
  func callAsFunction(_ x: Variable) -> Variable {
    var none: Variable?
    return self(x, after: &none)
  }

  /// Visits the parameters.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("qkv", &projection)
    visit("position_bias", &positionBias)
    visit("out_proj", &output)
  }
}
