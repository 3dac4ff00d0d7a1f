public import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// Affine summarizer: `node = [child₀, child₁, …] · weight + bias`, per bank.
public struct LinearSummarizer: AffineSummarizer {
  /// `[K, rE, E]`: E rows per child.
  public var weight: Variable
  /// `[K, E]`.
  public var bias: Variable

  init(
    _ scale: SummarizerScale, using source: inout ParameterSource
  ) {
    let (width, banks, arity) = (scale.width, scale.banks, scale.arity)
    switch source.initialisation {
    case .reference:
      // Xavier's rule as the published code applies it to tensors of these ranks.
      let (e, k, r, gain) = (Float(width), Float(banks), Float(arity), Float(0.1))
      weight = source.parameter(
        [banks, arity * width, width],
        .normal(deviation: gain * (2 / (r * e * e + k * e)).squareRoot()))
      bias = source.parameter(
        [banks, width], .normal(deviation: gain * (2 / (k * e + e)).squareRoot()))
    case .normal, .orthogonal:
      weight = scale.maps(
        banks, inputs: arity, orthogonal: source.initialisation == .orthogonal, using: &source)
      bias = source.parameter([banks, width], .constant(0))
    }
  }

  /// The published bias has the shape in which it is added.
  public var publishedForms: [PublishedForm] {
    let shape = bias.value.shape
    return [
      PublishedForm(
        of: ["bias"], as: ["bias"],
        publish: { [$0[0].reshaped([1, shape[0], 1, shape[1]])] },
        adopt: { [$0[0].reshaped(shape)] })
    ]
  }
}
