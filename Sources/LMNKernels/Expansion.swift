internal import CLMN

/// What makes every node's list of slots grow before it is summarized: a transposed convolution over
/// the slots.
public struct Expansion: Sendable {
  /// `[1 + g, E, E]`.
  public let weight: Tensor
  /// `[E]`.
  public let bias: Tensor

  /// An expansion of its parameters.
  public init(weight: Tensor, bias: Tensor) {
    self.weight = weight
    self.bias = bias
  }
}

extension Expansion? {
  /// Expects the expansion that a tree of this shape asks for.
  func expectFit(to shape: TreeShape, width: Int) {
    guard let self else {
      precondition(
        shape.expansion == 0, "expansion: none in a shape with expansion \(shape.expansion)")
      return
    }
    precondition(
      self.weight.shape == [1 + shape.expansion, width, width] && self.bias.shape == [width],
      "expansion: weight \(self.weight.shape), bias \(self.bias.shape), expansion \(shape.expansion)"
    )
  }

  func arguments(grown: Tensor) -> lmn_expansion {
    lmn_expansion(weight: self?.weight.base, bias: self?.bias.base, grown: grown.output)
  }
}

/// What an expansion's gradient is computed with, and the gradient.
struct ExpansionGradient {
  let result: Expansion
  private let transposed, grown, d_grown: Tensor

  init(of expansion: Expansion?, grown: Tensor) {
    let weight = expansion?.weight ?? Tensor(shape: [0, 0, 0], scalars: [])
    transposed = weight.transposed
    self.grown = grown
    d_grown = Tensor(uninitialized: grown.shape)
    result = Expansion(
      weight: Tensor(uninitialized: weight.shape),
      bias: Tensor(uninitialized: expansion?.bias.shape ?? [0]))
  }

  var arguments: lmn_expansion_grad {
    lmn_expansion_grad(
      weight_transposed: transposed.base, grown: grown.base, d_grown: d_grown.output,
      d_weight: result.weight.output, d_bias: result.bias.output)
  }

  var operands: [Tensor] { [result.weight, result.bias, transposed, grown, d_grown] }
}
