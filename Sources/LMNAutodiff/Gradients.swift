public import LMNKernels

/// Gradients of one computation with respect to its parameters.
public struct Gradients: Sendable {
  private var cotangents: [ObjectIdentifier: Tensor] = [:]

  /// Gradient with respect to `parameter`; nil if the computation did not use it.
  public subscript(parameter: Variable) -> Tensor? {
    parameter.node.flatMap { cotangents[ObjectIdentifier($0)] }
  }

  /// Backward pass from the results, deepest nodes first, so that a node's cotangent is complete
  /// before it is pulled back.
  fileprivate init(of seeds: [(result: Variable, cotangent: Tensor)]) {
    let depth = seeds.compactMap { $0.result.node?.depth }.max()
    guard let depth else { return }
    var levels = [[Node]](repeating: [], count: depth + 1)
    func add(_ cotangent: Tensor, to node: Node) {
      if let sum = cotangents.updateValue(cotangent, forKey: ObjectIdentifier(node)) {
        cotangents[ObjectIdentifier(node)] = sum.adding(cotangent)
      } else {
        levels[node.depth].append(node)
      }
    }
    for (result, cotangent) in seeds {
      precondition(
        cotangent.shape == result.value.shape,
        "gradients: cotangent \(cotangent.shape) of a value of shape \(result.value.shape)")
      if let node = result.node { add(cotangent, to: node) }
    }
    for depth in levels.indices.reversed() where depth > 0 {
      for node in levels[depth] {
        let cotangent = cotangents.removeValue(forKey: ObjectIdentifier(node))!
        for edge in node.edges {
          for (target, cotangent) in edge.cotangents(of: cotangent) { add(cotangent, to: target) }
        }
      }
      levels[depth] = []
    }
  }
}

/// Gradients of Σ ⟨cotangent, result⟩ in one backward pass.
///
/// - Parameter seeds: Results of one computation, each with a cotangent of its shape. A result may
///   occur several times; a constant contributes nothing.
/// - Returns: The gradient with respect to every parameter that the results depend on.
public func gradients(of seeds: [(result: Variable, cotangent: Tensor)]) -> Gradients {
  Gradients(of: seeds)
}

extension Variable {
  /// Gradients of ⟨`cotangent`, self⟩.
  ///
  /// - Parameter cotangent: Tensor of the shape of the value.
  /// - Returns: The gradient with respect to every parameter that the value depends on.
  public func gradients(cotangent: Tensor) -> Gradients {
    Gradients(of: [(self, cotangent)])
  }
}

/// Value of `function` at `inputs`, and gradient of its sum with respect to each input.
///
///     let (loss, gradients) = valueWithGradient(at: [x, w]) { v in v[0].matmul(v[1]).mean() }
///
/// - Parameters:
///   - inputs: Values of the arguments of `function`.
///   - function: Function of one variable per input.
/// - Returns: The value, and a gradient of the shape of each input.
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
