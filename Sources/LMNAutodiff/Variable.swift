public import LMNKernels

/// A tensor that remembers how it was computed, as far as a gradient needs it.
///
/// Operations on variables are methods that give a new variable: its value and, per input, the
/// pullback of a cotangent. A constant remembers nothing, so a computation from constants alone
/// costs no more than its values.
public struct Variable: Sendable {
  /// The value.
  public let value: Tensor
  let node: Node?

  /// A value that no gradient is wanted of.
  public init(constant value: Tensor) {
    self.value = value
    node = nil
  }

  /// A value that gradients are taken with respect to.
  public init(parameter value: Tensor) {
    self.value = value
    node = Node(edges: [], shape: value.shape)
  }

  /// The result of an operation: its value and the way back to each input.
  ///
  /// This is how an operation is made differentiable:
  ///
  ///     extension Variable {
  ///       func silu() -> Variable {
  ///         let x = value
  ///         return Variable(x.silu(), edge { dy in x.siluPullback(dy) })
  ///       }
  ///     }
  ///
  /// - Parameters:
  ///   - value: The operation's value.
  ///   - edges: From ``edge(_:)`` or ``Edge/joint(_:pullback:)``; nil for inputs without gradient.
  public init(_ value: Tensor, _ edges: Edge?...) {
    let edges = edges.compactMap { $0 }
    self.value = value
    node = edges.isEmpty ? nil : Node(edges: edges, shape: value.shape)
  }

  /// The way from a result back to this input.
  ///
  /// - Parameter pullback: Takes the result's cotangent to this input's, which has its shape.
  /// - Returns: The edge; nil when no gradient is wanted of this input.
  public func edge(_ pullback: @escaping @Sendable (Tensor) -> Tensor) -> Edge? {
    node.map { node in Edge(targets: [node]) { [pullback($0)] } }
  }
}

/// The way from a result back to some of its inputs.
public struct Edge: Sendable {
  let targets: [Node?]
  private let pullback: @Sendable (Tensor) -> [Tensor]

  init(targets: [Node?], pullback: @escaping @Sendable (Tensor) -> [Tensor]) {
    self.targets = targets
    self.pullback = pullback
  }

  /// Cotangents of the inputs that have a node.
  ///
  /// - Precondition: The pullback gives one cotangent for every input, of the input's shape.
  func cotangents(of result: Tensor) -> [(target: Node, cotangent: Tensor)] {
    let cotangents = pullback(result)
    precondition(
      cotangents.count == targets.count,
      "gradients: a pullback gave \(cotangents.count) cotangents for \(targets.count) inputs")
    return zip(targets, cotangents).compactMap { target, cotangent in
      guard let target else { return nil }
      precondition(
        cotangent.shape == target.shape,
        "gradients: a pullback gave a cotangent \(cotangent.shape) for an input \(target.shape)")
      return (target, cotangent)
    }
  }

  /// The way back to several inputs whose gradients share their work.
  ///
  /// - Parameters:
  ///   - inputs: The inputs.
  ///   - pullback: Takes the result's cotangent to that of every input, in order.
  /// - Returns: The edge; nil when no gradient is wanted of any of them.
  public static func joint(
    _ inputs: [Variable], pullback: @escaping @Sendable (Tensor) -> [Tensor]
  ) -> Edge? {
    inputs.allSatisfy { $0.node == nil }
      ? nil : Edge(targets: inputs.map(\.node), pullback: pullback)
  }
}

/// A point of a recorded computation; parameters are those without edges.
final class Node: Sendable {
  let edges: [Edge]
  /// Shape of the value, which is that of its cotangent.
  let shape: [Int]
  /// Longest way to a parameter; a node's inputs are all less deep.
  let depth: Int

  init(edges: [Edge], shape: [Int]) {
    self.edges = edges
    self.shape = shape
    depth = 1 + (edges.flatMap(\.targets).compactMap { $0?.depth }.max() ?? -1)
  }
}
