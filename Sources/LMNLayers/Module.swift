public import LMNAutodiff
package import LMNKernels

/// A part of a model: a value that holds parameters.
///
/// Copies are independent, so a model can be kept, compared and forked like a number.
public protocol Module: Sendable {
  /// Calls `visit` with every parameter and submodule, in the order of a checkpoint.
  ///
  /// This is the only listing: loading, saving, differentiating and optimizing all use it.
  mutating func visitParameters(_ visit: ParameterVisitor)
}

extension Module {
  /// Calls `body` with every parameter, in the order of a checkpoint.
  ///
  /// - Parameter body: Gets the parameter's name, dotted from this module down, and the parameter.
  public mutating func forEachParameter(
    _ body: (_ name: String, _ parameter: inout Variable) -> Void
  ) {
    withoutActuallyEscaping(body) { body in
      visitParameters(ParameterVisitor { name, _, parameter in body(name, &parameter) })
    }
  }

  /// Per parameter, in the order of a checkpoint, whether weight decay applies to it.
  public var weightDecays: [Bool] {
    var decays: [Bool] = []
    var module = self
    module.visitParameters(ParameterVisitor { _, decay, _ in decays.append(decay) })
    return decays
  }

  /// The parameters' names and values.
  public var stateDictionary: StateDictionary {
    var tensors: [(String, Tensor)] = []
    var module = self
    module.forEachParameter { tensors.append(($0, $1.value)) }
    return StateDictionary(tensors)
  }

  /// How many numbers the parameters hold.
  public var parameterCount: Int { stateDictionary.tensors.reduce(0) { $0 + $1.count } }

  /// Replaces every parameter by the tensor of its name; on an error, none.
  public mutating func load(_ dictionary: StateDictionary) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: stateDictionary)
    var tensors = dictionary.tensors(inOrderOf: stateDictionary.names).makeIterator()
    forEachParameter { _, parameter in parameter = Variable(constant: tensors.next()!) }
  }

  /// Gives the module copies of these parameters, in order.
  package mutating func adopt(copiesOf parameters: [Tensor]) {
    var rest = parameters.makeIterator()
    forEachParameter { $1 = Variable(constant: rest.next()!.copied()) }
  }

  /// The same module with parameters that gradients are taken with respect to, and these.
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
///   - module: Where.
///   - function: Of what; gives a variable of shape `[1]`.
/// - Returns: The value, and per parameter its gradient, zero where the function does not use it.
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

/// The mean over a batch of `function`, and its gradient with respect to the module's parameters.
///
/// Members are computed in parallel, each whole by one thread, and summed in order: the bits do not
/// depend on the number of threads.
///
/// - Parameters:
///   - module: Where.
///   - count: Members of the batch, at least 1.
///   - function: Of what, for one member; gives a variable of shape `[1]`.
/// - Returns: The mean value, and per parameter its gradient.
public func valueWithGradient<M: Module>(
  at module: M, overBatchOf count: Int, of function: @Sendable (M, _ member: Int) -> Variable
) -> (value: Float, gradient: StateDictionary) {
  let (module, parameters) = module.tracked()
  let members = ExecutionContext.current.map(count) { member in
    let result = function(module, member)
    let gradients = result.gradients(cotangent: Tensor(shape: [1], repeating: 1 / Float(count)))
    return (value: Double(result.value.scalar), gradients: parameters.map(gradients.of))
  }
  let sums = ExecutionContext.current.map(parameters.count) { index in
    members.dropFirst().reduce(members[0].gradients[index]) { sum, member in
      sum.adding(member.gradients[index])
    }
  }
  return (
    Float(members.reduce(0) { $0 + $1.value } / Double(count)),
    StateDictionary(names: module.stateDictionary.names, tensors: sums)
  )
}

extension Gradients {
  func of(_ parameter: Variable) -> Tensor {
    self[parameter] ?? Tensor(shape: parameter.value.shape, repeating: 0)
  }
}
