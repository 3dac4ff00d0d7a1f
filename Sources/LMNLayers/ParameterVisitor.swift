public import LMNAutodiff

/// Properties of a parameter by which an optimizer treats it.
public struct ParameterTraits: Sendable, Equatable {
  /// Whether weight decay applies.
  public let decays: Bool
  /// Whether it is a matrix, or a stack of them, that maps features to features inside the blocks of
  /// a network: not a part of its embedding or head.
  public let isHiddenMap: Bool
}

/// Walk over the parameters of a module: ``Module/visitParameters(_:)`` calls it with the name of
/// each parameter and submodule.
public struct ParameterVisitor {
  private let prefix: String
  private let isHidden: Bool
  private let body: (_ name: String, _ traits: ParameterTraits, inout Variable) -> Void

  init(
    prefix: String = "", isHidden: Bool = false,
    _ body: @escaping (_ name: String, _ traits: ParameterTraits, inout Variable) -> Void
  ) {
    self.prefix = prefix
    self.isHidden = isHidden
    self.body = body
  }

  /// Visits a parameter.
  ///
  /// - Parameters:
  ///   - name: Its name in the module.
  ///   - parameter: The parameter.
  ///   - decays: Whether weight decay applies to it.
  ///   - isMap: Whether it is a matrix, or a stack of them, that maps features to features.
  public func callAsFunction(
    _ name: String, _ parameter: inout Variable, decays: Bool = true, isMap: Bool = false
  ) {
    let traits = ParameterTraits(decays: decays, isHiddenMap: isHidden && isMap)
    body(prefix + name, traits, &parameter)
  }

  /// Visits a parameter that may be absent.
  public func callAsFunction(
    _ name: String, _ parameter: inout Variable?, decays: Bool = true, isMap: Bool = false
  ) {
    guard var present = parameter.take() else { return }
    self(name, &present, decays: decays, isMap: isMap)
    parameter = present
  }

  /// Visits the parameters of a submodule; their names are prefixed by `name` and a dot.
  ///
  /// - Parameters:
  ///   - name: Its name in the module.
  ///   - module: The submodule.
  ///   - hidden: Whether it is a block of a network, or has them.
  public func callAsFunction<Submodule: Module>(
    _ name: String, _ module: inout Submodule, hidden: Bool = false
  ) {
    module.visitParameters(
      ParameterVisitor(prefix: "\(prefix)\(name).", isHidden: isHidden || hidden, body))
  }

  /// Visits the parameters of a submodule that may be absent.
  public func callAsFunction<Submodule: Module>(_ name: String, _ module: inout Submodule?) {
    guard var present = module.take() else { return }
    self(name, &present)
    module = present
  }
}
