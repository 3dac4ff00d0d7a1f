public import LMNKernels

/// Tensor with the operations that computed it, as far as gradients need them.
///
/// Operations on variables are methods that return a new variable: its value and, per input, the
/// pullback of a cotangent. A constant has no operations, so a computation from constants alone
/// costs no more than its values.
public struct Variable: Sendable {
  /// The value.
  public let value: Tensor
  let source: Source?

  /// Creates a constant, which has no gradient.
  public init(constant value: Tensor) { self.init(value, nil) }

  /// Creates a parameter, with respect to which gradients are computed.
  public init(parameter value: Tensor) {
    self.init(value, Source(node: Node(edges: [], shapes: [value.shape])))
  }

  /// Creates a parameter that stands for another variable with a source: at the same depth, so that
  /// cotangents are added in the same order.
  init(parameter value: Tensor, inPlaceOf other: Variable) {
    let node = Node(edges: [], shapes: [value.shape], depth: other.source!.node.depth)
    self.init(value, Source(node: node))
  }

  private init(_ value: Tensor, _ source: Source?) {
    self.value = value
    self.source = source
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
    self.init(
      value, edges.isEmpty ? nil : Source(node: Node(edges: edges, shapes: [value.shape])))
  }

  /// Edge from a result to this input.
  ///
  /// - Parameter pullback: Map from the cotangent of the result to that of this input, of its
  ///   shape.
  /// - Returns: The edge; nil if this input has no gradient.
  public func edge(_ pullback: @escaping @Sendable (Tensor) -> Tensor) -> Edge? {
    source.map { source in Edge(targets: [source]) { [pullback($0[0]!)] } }
  }

  /// Results of an operation that has several.
  ///
  /// - Parameters:
  ///   - values: Values of the results.
  ///   - inputs: The inputs.
  ///   - pullback: Map from the cotangents of all results, in order, to those of all inputs; that
  ///     of a result that is not used is zero.
  /// - Returns: A variable per value.
  public static func results(
    _ values: [Tensor], of inputs: [Variable],
    pullback: @escaping @Sendable ([Tensor]) -> [Tensor]
  ) -> [Variable] {
    let shapes = values.map(\.shape)
    return results(
      values, of: inputs,
      sparsePullback: { cotangents in
        pullback(zip(cotangents, shapes).map { $0 ?? Tensor(zeros: $1) })
      })
  }

  /// Results of an operation that has several.
  ///
  /// - Parameters:
  ///   - values: Values of the results.
  ///   - inputs: The inputs.
  ///   - pullback: Map from the cotangents of all results, in order, to those of all inputs; nil for
  ///     zero.
  /// - Returns: A variable per value.
  static func results(
    _ values: [Tensor], of inputs: [Variable],
    sparsePullback pullback: @escaping @Sendable ([Tensor?]) -> [Tensor?]
  ) -> [Variable] {
    guard inputs.contains(where: { $0.source != nil }) else {
      return values.map(Variable.init(constant:))
    }
    let edge = Edge(targets: inputs.map(\.source), pullback: pullback)
    let node = Node(edges: [edge], shapes: values.map(\.shape))
    return values.enumerated().map { index, value in
      Variable(value, Source(node: node, result: index))
    }
  }
}

/// Result of a node.
struct Source: Hashable, Sendable {
  let node: Node
  /// Index of the result.
  var result = 0

  /// Shape of the value, which is that of its cotangent.
  var shape: [Int] { node.shapes[result] }

  static func == (left: Self, right: Self) -> Bool {
    left.node === right.node && left.result == right.result
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(node))
    hasher.combine(result)
  }
}

/// Edge from the results of an operation to one or several inputs, with their pullback.
public struct Edge: Sendable {
  let targets: [Source?]
  /// Rows that the operation has looked up in its only input, a table; nil for other operations.
  private(set) var bags: Bags?
  private let pullback: @Sendable ([Tensor?]) -> [Tensor?]

  init(targets: [Source?], pullback: @escaping @Sendable ([Tensor?]) -> [Tensor?]) {
    self.targets = targets
    self.pullback = pullback
  }

  /// The edge of an operation that looks up rows in a table.
  func lookingUp(_ bags: Bags) -> Edge {
    var edge = self
    edge.bags = bags
    return edge
  }

  /// Cotangents of the inputs that have a node, apart from those that are zero.
  ///
  /// - Precondition: The pullback gives one cotangent for every input, of the input's shape.
  func cotangents(of results: [Tensor?]) -> [(target: Source, cotangent: Tensor)] {
    let cotangents = pullback(results)
    precondition(
      cotangents.count == targets.count,
      "gradients: a pullback gave \(cotangents.count) cotangents for \(targets.count) inputs")
    return zip(targets, cotangents).compactMap { target, cotangent in
      guard let target, let cotangent else { return nil }
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
    inputs.allSatisfy { $0.source == nil }
      ? nil : Edge(targets: inputs.map(\.source)) { pullback($0[0]!) }
  }
}

/// Node of the graph of a computation: an operation, or a parameter, which has no edges.
final class Node: Sendable {
  let edges: [Edge]
  /// Shapes of the results.
  let shapes: [[Int]]
  /// Greater than the depth of any input; 0 for a parameter, unless it stands for a variable.
  let depth: Int

  init(edges: [Edge], shapes: [[Int]], depth: Int? = nil) {
    self.edges = edges
    self.shapes = shapes
    self.depth =
      depth ?? 1 + (edges.flatMap(\.targets).compactMap { $0?.node.depth }.max() ?? -1)
  }
}
