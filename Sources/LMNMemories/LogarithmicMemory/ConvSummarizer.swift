public import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// Convolution with kernel and stride r over the channels of all banks, in one group per bank, or
/// in one group, in which each bank's node depends on the children of all banks.
///
/// The same affine map as ``LinearSummarizer``, with all banks as sources in the second case,
/// stored as a convolution.
public struct ConvSummarizer: AffineSummarizer {
  /// `[KJ, rE, E]`: E rows per child; ordered by bank, then by source.
  public var weight: Variable
  /// `[K, E]`.
  public var bias: Variable

  init(
    _ scale: SummarizerScale, mixesBanks: Bool, using source: inout ParameterSource
  ) {
    let (width, banks, arity) = (scale.width, scale.banks, scale.arity)
    let sources = mixesBanks ? banks : 1
    switch source.initialisation {
    case .reference:
      let bound = 1 / Float(sources * arity * width).squareRoot()
      weight = source.parameter([banks * sources, arity * width, width], .uniform(bound: bound))
      bias = source.parameter([banks, width], .uniform(bound: bound))
    case .normal, .orthogonal:
      weight = scale.maps(
        banks * sources, inputs: sources * arity, orthogonal: source.initialisation == .orthogonal,
        using: &source)
      bias = source.parameter([banks, width], .constant(0))
    }
  }

  /// The published weight is `[KE, JE, r]`: output channel, input channel of the group, child.
  public var publishedForms: [PublishedForm] {
    let (shape, banks, width) = (
      weight.value.shape, bias.value.shape[0], bias.value.shape[1]
    )
    let (sources, arity) = (shape[0] / banks, shape[1] / width)
    // Index in our weight of each element of the published weight.
    var places: [Int] = []
    for bank in 0..<banks {
      for output in 0..<width {
        for source in 0..<sources {
          for input in 0..<width {
            for child in 0..<arity {
              let row = ((bank * sources + source) * arity + child) * width + input
              places.append(row * width + output)
            }
          }
        }
      }
    }
    let published = [banks * width, sources * width, arity]
    return [
      PublishedForm(
        of: ["weight", "bias"], as: ["conv.weight", "conv.bias"],
        publish: { [places] own in
          let scalars = own[0].scalars
          return [
            Tensor(shape: published, scalars: places.map { scalars[$0] }),
            own[1].reshaped([banks * width]),
          ]
        },
        adopt: { [places] theirs in
          let scalars = theirs[0].scalars
          var own = [Float](repeating: 0, count: scalars.count)
          for (place, scalar) in zip(places, scalars) { own[place] = scalar }
          return [Tensor(shape: shape, scalars: own), theirs[1].reshaped([banks, width])]
        })
    ]
  }
}
