public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Makes every node's list of slots grow by g before it is summarized: a transposed convolution over
/// the slots, with kernel 1 + g.
public struct Expander: Module {
  /// `[1 + g, E, E]`.
  public var weight: Variable
  /// `[E]`.
  public var bias: Variable

  /// An expander whose weight and bias are uniform in ±1/√(E (1 + g)), as the published code's are.
  init(width: Int, expansion: Int, using generator: inout SeededGenerator) {
    let bound = 1 / Float(width * (1 + expansion)).squareRoot()
    weight = .uniform([1 + expansion, width, width], bound: bound, using: &generator)
    bias = .uniform([width], bound: bound, using: &generator)
  }

  var variables: ExpansionVariables { (weight, bias) }

  var expansion: Expansion { Expansion(weight: weight.value, bias: bias.value) }

  /// Lists `weight` and `bias`.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    visit("weight", &weight)
    visit("bias", &bias)
  }

  /// The weight is `[E_in, E_out, 1 + g]` there.
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
