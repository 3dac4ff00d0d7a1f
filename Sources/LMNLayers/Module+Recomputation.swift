public import LMNAutodiff

extension Module {
  /// Results of a function of this module whose intermediate values are not kept, but computed again in
  /// the backward pass (gradient checkpointing, arXiv 1604.06174).
  ///
  /// - Parameters:
  ///   - inputs: Variables beside the parameters that gradients are taken with respect to.
  ///   - function: The function, of a module with this module's parameters and of the inputs; its results
  ///     depend on nothing that changes between the passes.
  /// - Returns: The results, and whatever else the first call returned.
  public func recomputing<Rest>(
    _ inputs: [Variable],
    _ function: @escaping @Sendable (Self, [Variable]) -> (results: [Variable], rest: Rest)
  ) -> (results: [Variable], rest: Rest) {
    var (parameters, visited) = ([Variable](), self)
    visited.forEachParameter { parameters.append($1) }
    let module = visited
    return Variable.recomputing(inputs + parameters) { given in
      var (module, rest) = (module, given.dropFirst(inputs.count).makeIterator())
      module.forEachParameter { $1 = rest.next()! }
      return function(module, Array(given.prefix(inputs.count)))
    }
  }
}
