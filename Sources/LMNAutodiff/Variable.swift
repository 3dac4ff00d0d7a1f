public import LMNKernels

/// Tensor with the operations that computed it, as far as gradients need them.
///
/// Operations on variables are methods that return a new variable: its value and, per input, the
/// pullback of a cotangent. A constant has no operations, so a computation from constants alone
/// costs no more than its values.
public struct Variable: Sendable {
  /// The value.
  public let value: Tensor
  let node: Node?

  /// Creates a constant, which has no gradient.
  public init(constant value: Tensor) {
    self.value = value
    node = nil
  }

  /// Creates a parameter, with respect to which gradients are computed.
  public init(parameter value: Tensor) {
    self.value = value
    node = Node(edges: [], shape: value.shape)
  }

  /// Creates the result of an operation: its value and an edge to each input.
  ///
  /// A differentiable operation:
  ///
  ///     extension Variable {
  ///       func silu() -> Variable {
  ///         let x = value
  ///         return Variable(x.silu(), edge { dy in x.siluPullback(dy) })
  ///       }
  ///     }
  ///
  /// - Parameters:
  ///   - value: Value of the operation.
  ///   - edges: Results of ``edge(_:)`` or ``Edge/joint(_:pullback:)``; nil for inputs without
  ///     gradient.
  public init(_ value: Tensor, _ edges: Edge?...) {
    let edges = edges.compactMap { $0 }
    self.value = value
    node = edges.isEmpty ? nil : Node(edges: edges, shape: value.shape)
  }

  /// Edge from a result to this input.
  ///
  /// - Parameter pullback: Map from the cotangent of the result to that of this input, of its
  ///   shape.
  /// - Returns: The edge; nil if this input has no gradient.
  public func edge(_ pullback: @escaping @Sendable (Tensor) -> Tensor) -> Edge? {
    node.map { node in Edge(targets: [node]) { [pullback($0)] } }
  }
}

/// Edge from a result to one or several inputs, with their pullback.
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

  /// Edge to several inputs whose gradients are computed together.
  ///
  /// - Parameters:
  ///   - inputs: The inputs.
  ///   - pullback: Map from the cotangent of the result to those of all inputs, in order.
  /// - Returns: The edge; nil if no input has a gradient.
  public static func joint(
    _ inputs: [Variable], pullback: @escaping @Sendable (Tensor) -> [Tensor]
  ) -> Edge? {
    inputs.allSatisfy { $0.node == nil }
      ? nil : Edge(targets: inputs.map(\.node), pullback: pullback)
  }
}

/// Node of the graph of a computation; a parameter has no edges.
final class Node: Sendable {
  let edges: [Edge]
  /// Shape of the value, which is that of its cotangent.
  let shape: [Int]
  /// Length of the longest path to a parameter, greater than that of any input.
  let depth: Int

  init(edges: [Edge], shape: [Int]) {
    self.edges = edges
    self.shape = shape
    depth = 1 + (edges.flatMap(\.targets).compactMap { $0?.depth }.max() ?? -1)
  }
}
