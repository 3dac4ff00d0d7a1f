internal import CLMN

/// Expansion: before a summary, the slots of each child grow by g in number, by a transposed
/// convolution over the slots.
public struct Expansion: Sendable {
  /// `[1 + g, E, E]`.
  public let weight: Tensor
  /// `[E]`.
  public let bias: Tensor

  /// Creates an expansion from its parameters.
  public init(weight: Tensor, bias: Tensor) {
    self.weight = weight
    self.bias = bias
  }
}

extension Expansion? {
  /// Traps if the expansion does not match the shape of a tree; nil matches g = 0.
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

/// Operands and result of the gradient of an expansion.
struct ExpansionGradient {
  let result: Expansion
  private let transposed, grown, d_grown: Tensor

  /// Weight of no expansion; one for all, so that its transposed is cached.
  private static let noWeight = Tensor(shape: [0, 0, 0], scalars: [])

  init(of expansion: Expansion?, grown: Tensor) {
    let weight = expansion?.weight ?? Self.noWeight
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
