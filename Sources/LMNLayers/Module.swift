public import LMNAutodiff
public import LMNKernels

/// A part of a model: a value that holds parameters.
///
/// Copies are independent, so a model can be kept, compared and forked like a number.
public protocol Module: Sendable {
  /// Calls `visit` with every parameter, in the order of a checkpoint.
  ///
  /// This is the one listing: counting, loading, saving, differentiating and optimizing all go
  /// through it.
  ///
  /// - Parameter visit: Gets the parameter's name, dotted from this module down, and the parameter.
  mutating func visitParameters(_ visit: (_ name: String, _ parameter: inout Variable) -> Void)
}

extension Module {
  /// The parameters' names and values.
  public var stateDictionary: StateDictionary {
    var tensors: [(String, Tensor)] = []
    var module = self
    module.visitParameters { tensors.append(($0, $1.value)) }
    return StateDictionary(tensors)
  }

  /// How many numbers the parameters hold.
  public var parameterCount: Int { stateDictionary.tensors.reduce(0) { $0 + $1.count } }

  /// Replaces every parameter by the tensor of its name; on an error, none.
  public mutating func load(_ dictionary: StateDictionary) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: stateDictionary)
    var tensors = dictionary.tensors(inOrderOf: stateDictionary.names).makeIterator()
    visitParameters { _, parameter in parameter = Variable(constant: tensors.next()!) }
  }

  /// Changes every parameter's value in place; `update` gets them in order.
  public mutating func updateParameters(_ update: (_ index: Int, inout Tensor) -> Void) {
    var index = 0
    visitParameters { _, parameter in
      var value = parameter.value
      parameter = Variable(constant: Tensor(shape: [0], scalars: []))
      update(index, &value)
      parameter = Variable(constant: value)
      index += 1
    }
  }

  /// Gives the module copies of these parameters, in order.
  package mutating func adopt(copiesOf parameters: [Tensor]) {
    var rest = parameters.makeIterator()
    visitParameters { $1 = Variable(constant: rest.next()!.copied()) }
  }

  /// The same module with parameters that gradients are taken with respect to, and these.
  func tracked() -> (module: Self, parameters: [Variable]) {
    var module = self
    var parameters: [Variable] = []
    module.visitParameters { _, parameter in
      parameter = Variable(parameter: parameter.value)
      parameters.append(parameter)
    }
    return (module, parameters)
  }

  /// Visits the parameters of a submodule under `name`.
  public static func visit<Submodule: Module>(
    _ name: String, _ submodule: inout Submodule,
    _ visit: (_ name: String, _ parameter: inout Variable) -> Void
  ) {
    submodule.visitParameters { visit("\(name).\($0)", &$1) }
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
  let (value, gradients, _) = valueWithGradients(at: module, overBatchOf: count) {
    (value: function($0, $1), rest: ())
  }
  return (
    Float(value), StateDictionary(names: module.stateDictionary.names, tensors: gradients)
  )
}

/// The same of a function that leaves something behind: the mean value, the gradient of every
/// parameter, and what each member has left.
package func valueWithGradients<M: Module, Rest: Sendable>(
  at module: M, overBatchOf count: Int,
  of function: @Sendable (M, _ member: Int) -> (value: Variable, rest: Rest)
) -> (value: Double, gradients: [Tensor], rests: [Rest]) {
  let (module, parameters) = module.tracked()
  let members = ExecutionContext.current.map(count) { member in
    let (result, rest) = function(module, member)
    let gradients = result.gradients(cotangent: Tensor(shape: [1], repeating: 1 / Float(count)))
    return (
      value: Double(result.value.scalar), gradients: parameters.map(gradients.of), rest: rest
    )
  }
  return (
    members.reduce(0) { $0 + $1.value } / Double(count),
    ExecutionContext.current.map(parameters.count) { index in
      members.dropFirst().reduce(members[0].gradients[index]) { sum, member in
        sum.adding(member.gradients[index])
      }
    },
    members.map(\.rest)
  )
}

extension Gradients {
  func of(_ parameter: Variable) -> Tensor {
    self[parameter] ?? Tensor(shape: parameter.value.shape, repeating: 0)
  }
}
