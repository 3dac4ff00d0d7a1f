public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Depthwise-separable summarizer, per bank.
///
///     mixed = taps₀ ⊙ child₀ + … + tapsᵣ
///     node = mixed · pointwise + bias
public struct SeparableSummarizer: Summarizer {
  /// `[K, r + 1, E]`: per channel the factors of the children, and the bias.
  public var taps: Variable
  /// `[K, E, E]`.
  public var pointwise: Variable
  /// `[K, E]`.
  public var bias: Variable

  init(
    _ scale: SummarizerScale, using source: inout ParameterSource
  ) {
    let (width, banks) = (scale.width, scale.banks)
    let (shape, e) = ([banks, width, width], Float(width))
    let tapShape = [banks, scale.arity + 1, width]
    let share = 1 / Float(scale.arity).squareRoot()
    switch source.initialisation {
    case .reference:
      let bound = 1 / e.squareRoot()
      taps = source.parameter(tapShape, .uniform(bound: share))
      pointwise = source.parameter(shape, .uniform(bound: bound))
      bias = source.parameter([banks, width], .uniform(bound: bound))
    case .normal:
      taps = source.parameter(tapShape, .normal(deviation: share))
      pointwise = source.parameter(shape, .normal(deviation: 1 / e.squareRoot()))
      bias = source.parameter([banks, width], .constant(0))
    case .orthogonal:
      taps = source.parameter(tapShape, .normal(deviation: share))
      pointwise = source.parameter(shape, .orthogonal(scale: 1))
      bias = source.parameter([banks, width], .constant(0))
    }
  }

  /// The nodes of a tree.
  public func nodes(
    of tree: Tree, tokens: Variable, carried: Variable, expansion: ExpansionVariables?
  ) -> Variable {
    tokens.separableConv(
      of: tree, carried: carried, taps: taps, pointwise: pointwise, bias: bias,
      expansion: expansion)
  }

  /// A depthwise-separable convolution.
  public var summary: Summary {
    .separable(taps: taps.value, pointwise: pointwise.value, bias: bias.value)
  }

  /// Lists `taps`, `pointwise` and `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("taps", &taps)
    visit("pointwise", &pointwise, isMap: true)
    visit("bias", &bias)
  }

  /// In the published form taps and their bias are separate, and the taps of a channel adjacent.
  public var publishedForms: [PublishedForm] {
    let (banks, width, arity) = (
      bias.value.shape[0], bias.value.shape[1], taps.value.shape[1] - 1
    )
    return [
      PublishedForm(
        of: ["taps"], as: ["depthwise.weight", "depthwise.bias"],
        publish: { own in
          let taps = own[0].scalars
          var (weight, channelBias): ([Float], [Float]) = ([], [])
          for bank in 0..<banks {
            for channel in 0..<width {
              let first = bank * (arity + 1) * width + channel
              weight += (0..<arity).map { taps[first + $0 * width] }
              channelBias.append(taps[first + arity * width])
            }
          }
          return [
            Tensor(shape: [banks, width, arity], scalars: weight),
            Tensor(shape: [banks, width], scalars: channelBias),
          ]
        },
        adopt: { published in
          let (weight, channelBias) = (published[0].scalars, published[1].scalars)
          var taps: [Float] = []
          for channels in (0..<banks).map({ $0 * width..<($0 + 1) * width }) {
            for child in 0..<arity { taps += channels.map { weight[arity * $0 + child] } }
            taps += channels.map { channelBias[$0] }
          }
          return [Tensor(shape: [banks, arity + 1, width], scalars: taps)]
        }),
      PublishedForm(
        of: ["pointwise", "bias"], as: ["pointwise.weight", "pointwise.bias"],
        publish: { $0 }, adopt: { $0 }),
    ]
  }
}
