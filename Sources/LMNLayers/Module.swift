public import LMNAutodiff
package import LMNKernels

/// A part of a model: a value that holds parameters.
///
/// Copies are independent: modules can be stored, compared and forked like numbers.
public protocol Module: Sendable {
  /// Calls `visit` with each parameter and submodule, in checkpoint order.
  ///
  /// Loading, saving, differentiation and optimization all use this one listing.
  mutating func visitParameters(_ visit: ParameterVisitor)
}

extension Module {
  /// Calls `body` with each parameter, in checkpoint order.
  ///
  /// - Parameter body: Receives the parameter and its name, dotted from this module down.
  public mutating func forEachParameter(
    _ body: (_ name: String, _ parameter: inout Variable) -> Void
  ) {
    withoutActuallyEscaping(body) { body in
      visitParameters(ParameterVisitor { name, _, parameter in body(name, &parameter) })
    }
  }

  /// Traits of the parameters, in checkpoint order.
  public var parameterTraits: [ParameterTraits] {
    var all: [ParameterTraits] = []
    var module = self
    module.visitParameters(ParameterVisitor { _, traits, _ in all.append(traits) })
    return all
  }

  /// Names and values of the parameters.
  public var stateDictionary: StateDictionary {
    var tensors: [(String, Tensor)] = []
    var module = self
    module.forEachParameter { tensors.append(($0, $1.value)) }
    return StateDictionary(tensors)
  }

  /// Number of scalars in the parameters.
  public var parameterCount: Int { stateDictionary.tensors.reduce(0) { $0 + $1.count } }

  /// Replaces each parameter by the tensor of its name; replaces none on an error.
  public mutating func load(_ dictionary: StateDictionary) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: stateDictionary)
    var tensors = dictionary.tensors(inOrderOf: stateDictionary.names).makeIterator()
    forEachParameter { _, parameter in parameter = Variable(constant: tensors.next()!) }
  }

  /// Replaces the parameters by copies of these tensors, in checkpoint order.
  package mutating func adopt(copiesOf parameters: [Tensor]) {
    var rest = parameters.makeIterator()
    forEachParameter { $1 = Variable(constant: rest.next()!.copied()) }
  }

  /// The same module with parameters that gradients are taken with respect to, and these
  /// parameters.
  func tracked() -> (module: Self, parameters: [Variable]) {
    var module = self
    var parameters: [Variable] = []
    module.forEachParameter { _, parameter in
      parameter = Variable(parameter: parameter.value)
      parameters.append(parameter)
    }
    return (module, parameters)
  }
}

/// The value of `function` at `module` and its gradient with respect to the module's parameters.
///
///     let (loss, gradient) = valueWithGradient(at: model) { model in model.loss(of: window) }
///
/// - Parameters:
///   - module: The module at which to evaluate.
///   - function: The function; returns a variable of shape `[1]`.
/// - Returns: The value, and the gradient per parameter, zero where the function does not use it.
public func valueWithGradient<M: Module>(
  at module: M, of function: (M) -> Variable
) -> (value: Float, gradient: StateDictionary) {
  let (module, parameters) = module.tracked()
  let result = function(module)
  let gradients = result.gradients(cotangent: Tensor(shape: [1], repeating: 1))
  return (
    result.value.scalar,
    StateDictionary(names: module.stateDictionary.names, tensors: parameters.map(gradients.of))
  )
}

/// The mean of `function` over a batch, and its gradient with respect to the module's parameters.
///
/// Items are computed in parallel, each by one thread, and summed in order: the bits do not depend
/// on the number of threads.
///
/// - Parameters:
///   - module: The module at which to evaluate.
///   - count: Items of the batch, at least 1.
///   - function: The function for one item; returns a variable of shape `[1]`.
/// - Returns: The mean value, and the gradient per parameter.
public func valueWithGradient<M: Module>(
  at module: M, overBatchOf count: Int, of function: @Sendable (M, _ item: Int) -> Variable
) -> (value: Float, gradient: StateDictionary) {
  let (module, parameters) = module.tracked()
  let items = ExecutionContext.current.map(count) { item in
    let result = function(module, item)
    let gradients = result.gradients(cotangent: Tensor(shape: [1], repeating: 1 / Float(count)))
    return (value: Double(result.value.scalar), gradients: parameters.map(gradients.of))
  }
  let sums = ExecutionContext.current.map(parameters.count) { index in
    items.dropFirst().reduce(items[0].gradients[index]) { sum, item in
      sum.adding(item.gradients[index])
    }
  }
  return (
    Float(items.reduce(0) { $0 + $1.value } / Double(count)),
    StateDictionary(names: module.stateDictionary.names, tensors: sums)
  )
}

extension Gradients {
  func of(_ parameter: Variable) -> Tensor {
    self[parameter] ?? Tensor(zeros: parameter.value.shape)
  }
}
