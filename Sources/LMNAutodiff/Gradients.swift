public import LMNKernels

/// The gradients of one computation with respect to its parameters.
public struct Gradients: Sendable {
  private var cotangents: [ObjectIdentifier: Tensor] = [:]

  /// The gradient with respect to `parameter`; nil when the computation did not use it.
  public subscript(parameter: Variable) -> Tensor? {
    parameter.node.flatMap { cotangents[ObjectIdentifier($0)] }
  }

  /// Walks back from `result`, deepest nodes first, so that a node is left only after everything
  /// that flows into it has arrived.
  fileprivate init(of result: Variable, cotangent: Tensor) {
    guard let last = result.node else { return }
    var levels = [[Node]](repeating: [], count: last.depth + 1)
    func add(_ cotangent: Tensor, to node: Node) {
      if let sum = cotangents.updateValue(cotangent, forKey: ObjectIdentifier(node)) {
        cotangents[ObjectIdentifier(node)] = sum.adding(cotangent)
      } else {
        levels[node.depth].append(node)
      }
    }
    add(cotangent, to: last)
    for depth in levels.indices.reversed() where depth > 0 {
      for node in levels[depth] {
        let cotangent = cotangents.removeValue(forKey: ObjectIdentifier(node))!
        for edge in node.edges {
          for case (let target?, let cotangent) in zip(edge.targets, edge.pullback(cotangent)) {
            add(cotangent, to: target)
          }
        }
      }
      levels[depth] = []
    }
  }
}

extension Variable {
  /// The gradients of ⟨`cotangent`, self⟩.
  ///
  /// - Parameter cotangent: Of the shape of the value.
  /// - Returns: The gradient with respect to every parameter behind it.
  public func gradients(cotangent: Tensor) -> Gradients {
    precondition(
      cotangent.shape == value.shape,
      "gradients: cotangent \(cotangent.shape) of a value of shape \(value.shape)")
    return Gradients(of: self, cotangent: cotangent)
  }
}

/// The value of `function` at `inputs` and the gradient of its sum with respect to each of them.
///
///     let (loss, gradients) = valueWithGradient(at: [x, w]) { v in v[0].matmul(v[1]).mean() }
///
/// - Parameters:
///   - inputs: Where.
///   - function: Of what.
/// - Returns: The value, and a gradient of each input's shape.
public func valueWithGradient(
  at inputs: [Tensor], of function: ([Variable]) -> Variable
) -> (value: Tensor, gradients: [Tensor]) {
  let parameters = inputs.map(Variable.init(parameter:))
  let result = function(parameters)
  let gradients = result.gradients(cotangent: Tensor(shape: result.value.shape, repeating: 1))
  return (
    result.value,
    parameters.map { gradients[$0] ?? Tensor(shape: $0.value.shape, repeating: 0) }
  )
}
