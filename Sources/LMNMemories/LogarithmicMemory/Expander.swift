public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Expands the slots of each node by g before summarization: a transposed convolution over the
/// slots with kernel 1 + g.
public struct Expander: Module {
  /// `[1 + g, E, E]`.
  public var weight: Variable
  /// `[E]`.
  public var bias: Variable

  /// An expander with weight and bias drawn uniformly from ±1/√(E (1 + g)), as in the published
  /// code.
  init(width: Int, expansion: Int, using source: inout ParameterSource) {
    let bound = 1 / Float(width * (1 + expansion)).squareRoot()
    weight = source.parameter([1 + expansion, width, width], .uniform(bound: bound))
    bias = source.parameter([width], .uniform(bound: bound))
  }

  var variables: ExpansionVariables { (weight, bias) }

  var expansion: Expansion { Expansion(weight: weight.value, bias: bias.value) }

  /// Lists `weight` and `bias`.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("weight", &weight)
    visit("bias", &bias)
  }

  /// The published weight is `[E_in, E_out, 1 + g]`.
  var publishedForms: [PublishedForm] {
    let (taps, width) = (weight.value.shape[0], weight.value.shape[1])
    return [
      PublishedForm(
        of: ["weight", "bias"], as: ["conv_transpose.weight", "conv_transpose.bias"],
        publish: { own in
          let flat = own[0].reshaped([taps, width * width])
          return [flat.transposed.reshaped([width, width, taps]), own[1]]
        },
        adopt: { theirs in
          let flat = theirs[0].reshaped([width * width, taps])
          return [flat.transposed.reshaped([taps, width, width]), theirs[1]]
        })
    ]
  }
}
