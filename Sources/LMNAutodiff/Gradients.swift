public import LMNKernels

/// Gradients of one computation with respect to its parameters.
public struct Gradients: Sendable {
  private var cotangents: [Source: Tensor] = [:]
  private var lookups: [Source: [Lookup]] = [:]

  /// Bags that were looked up in a table, and the cotangent `[B, E]` of their vectors.
  public typealias Lookup = (bags: Bags, cotangent: Tensor)

  /// Gradient with respect to `parameter`; nil if the computation did not use it.
  public subscript(parameter: Variable) -> Tensor? {
    guard let source = parameter.source else { return nil }
    let parts = (lookups[source] ?? []).map { lookup in
      lookup.cotangent.embeddingBagPullback(of: lookup.bags, vocabularySize: source.shape[0])
    }
    return ([cotangents[source]].compactMap(\.self) + parts).reduce(nil) { sum, part in
      sum?.adding(part) ?? part
    }
  }

  /// Gradient with respect to a parameter of which only bags of rows were looked up, as these
  /// lookups; nil for other parameters.
  public func lookups(of parameter: Variable) -> [Lookup]? {
    parameter.source.flatMap { cotangents[$0] == nil ? lookups[$0] : nil }
  }

  /// Backward pass from the results, deepest nodes first, so that a node's cotangents are complete
  /// before they are pulled back.
  fileprivate init(of seeds: [(result: Variable, cotangent: Tensor)]) {
    let depth = seeds.compactMap { $0.result.source?.node.depth }.max()
    guard let depth else { return }
    var levels = [[Node]](repeating: [], count: depth + 1)
    func add(_ cotangent: Tensor, to source: Source) {
      let node = source.node
      if let sum = cotangents[source] {
        cotangents[source] = sum.adding(cotangent)
      } else {
        let isFirst = sources(of: node).allSatisfy { cotangents[$0] == nil }
        if isFirst { levels[node.depth].append(node) }
        cotangents[source] = cotangent
      }
    }
    func sources(of node: Node) -> [Source] {
      node.shapes.indices.map { Source(node: node, result: $0) }
    }
    for (result, cotangent) in seeds {
      precondition(
        cotangent.shape == result.value.shape,
        "gradients: cotangent \(cotangent.shape) of a value of shape \(result.value.shape)")
      if let source = result.source { add(cotangent, to: source) }
    }
    for depth in levels.indices.reversed() {
      for node in levels[depth] where !node.edges.isEmpty {
        let results = sources(of: node).map { cotangents.removeValue(forKey: $0) }
        for edge in node.edges {
          if let bags = edge.bags, let table = edge.targets[0], table.node.edges.isEmpty {
            lookups[table, default: []].append((bags, results[0]!))
            continue
          }
          for (target, cotangent) in edge.cotangents(of: results) { add(cotangent, to: target) }
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
