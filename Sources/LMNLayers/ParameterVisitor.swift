public import LMNAutodiff

/// Walk over the parameters of a module: ``Module/visitParameters(_:)`` calls it with the name of
/// each parameter and submodule.
public struct ParameterVisitor {
  private let prefix: String
  private let body: (_ name: String, _ decays: Bool, inout Variable) -> Void

  init(
    prefix: String = "",
    _ body: @escaping (_ name: String, _ decays: Bool, inout Variable) -> Void
  ) {
    self.prefix = prefix
    self.body = body
  }

  /// Visits a parameter.
  ///
  /// - Parameters:
  ///   - name: Its name in the module.
  ///   - parameter: The parameter.
  ///   - decays: Whether weight decay applies to it.
  public func callAsFunction(
    _ name: String, _ parameter: inout Variable, decays: Bool = true
  ) {
    body(prefix + name, decays, &parameter)
  }

  /// Visits a parameter that may be absent.
  public func callAsFunction(
    _ name: String, _ parameter: inout Variable?, decays: Bool = true
  ) {
    guard var present = parameter.take() else { return }
    self(name, &present, decays: decays)
    parameter = present
  }

  /// Visits the parameters of a submodule; their names are prefixed by `name` and a dot.
  public func callAsFunction<Submodule: Module>(_ name: String, _ module: inout Submodule) {
    module.visitParameters(ParameterVisitor(prefix: "\(prefix)\(name).", body))
  }

  /// Visits the parameters of a submodule that may be absent.
  public func callAsFunction<Submodule: Module>(_ name: String, _ module: inout Submodule?) {
    guard var present = module.take() else { return }
    self(name, &present)
    module = present
  }
}
