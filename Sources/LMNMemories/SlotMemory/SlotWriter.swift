public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Slots that are rewritten by the tokens of a segment: slot attention, then forgetting (Memformer,
/// arXiv 2010.06891).
///
/// Slots begin as R(v), where v are the forgetting vectors and R is the RMS norm without gain. A
/// slot attends to itself and to the tokens; with forgetting, it then moves towards its beginning.
public struct SlotWriter: Module {
  /// Maps to query, key and value: `[3E, E]`.
  public var weight: Variable
  /// v: forgetting vectors, `[k, E]`.
  public var forgetting: Variable
  /// H: heads of writing, a divisor of the width.
  public let heads: Int
  /// Temperature of the softmax, above 0 and at most 1.
  public let temperature: Float
  /// Whether a slot that is rewritten moves towards its beginning.
  public let forgets: Bool

  /// A writer with parameters from `source`.
  ///
  /// A slot's own score begins as that of its key with itself, so that slots keep what they have.
  ///
  /// - Parameters:
  ///   - slots: k.
  ///   - width: E.
  ///   - heads: H.
  ///   - temperature: Temperature of the softmax.
  ///   - forgets: Whether a slot moves towards its beginning.
  ///   - source: Source of the parameters.
  public init(
    slots: Int, width: Int, heads: Int, temperature: Float, forgets: Bool,
    using source: inout ParameterSource
  ) {
    (self.heads, self.temperature, self.forgets) = (heads, temperature, forgets)
    let deviation = 1 / Float(width).squareRoot()
    weight = source.parameter(
      [3 * width, width],
      .blocks([.uniform(bound: deviation), nil, .normal(deviation: deviation)]))
    forgetting = source.parameter([slots, width], .normal(deviation: 0.16))
  }

  private var width: Int { forgetting.value.shape[1] }

  /// The slots at the beginning of a stream: R(v), `[k, E]`, with the gradient of v.
  ///
  /// Of forgetting vectors without values, slots have no values either.
  public var initialSlots: Variable {
    forgetting.value.hasValues
      ? forgetting.rmsNorm(gain: nil, epsilon: RMSNorm.epsilon) : forgetting
  }

  /// The rule of writing for segments of `tokens` tokens.
  func rule(tokens: Int) -> SlotWrite {
    SlotWrite(heads: heads, segment: tokens, temperature: temperature, epsilon: RMSNorm.epsilon)
  }

  /// Keys and values of tokens `[L, E]`: `[L, 2E]`.
  public func keysAndValues(of tokens: Variable) -> Variable {
    tokens.linear(weight: weight.rows(width..<3 * width))
  }

  /// The slots before the first of W segments and after each: `[(1 + W) · k, E]`.
  ///
  /// - Parameters:
  ///   - slots: `[k, E]`, before the first segment.
  ///   - tokens: `[W · S, 2E]`: keys and values of the tokens.
  ///   - segment: S.
  /// - Returns: The slots.
  public func callAsFunction(
    _ slots: Variable, reading tokens: Variable, segment: Int
  ) -> Variable {
    rule(tokens: segment)(
      slots, reading: tokens, weight: weight.rows(0..<2 * width),
      forgetting: forgets ? forgetting : nil)
  }

  /// Visits `write.weight` and `forgetting`, their names in golden files.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("write.weight", &weight, isMap: true)
    visit("forgetting", &forgetting)
  }
}
