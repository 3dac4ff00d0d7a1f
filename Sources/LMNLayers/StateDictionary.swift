public import LMNKernels

/// Tensors by parameter name, in the order of a module's listing: weights, gradients or moments.
public struct StateDictionary: Sendable, Equatable {
  /// The names, each once.
  public let names: [String]
  /// The tensors of the names.
  public var tensors: [Tensor]
  private let indices: [String: Int]

  /// A dictionary of `names` and as many tensors.
  ///
  /// - Precondition: No name comes twice.
  public init(names: [String], tensors: [Tensor]) {
    precondition(names.count == tensors.count, "StateDictionary: \(names.count) names")
    self.names = names
    self.tensors = tensors
    indices = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
  }

  /// A dictionary of pairs of name and tensor.
  public init(_ pairs: [(name: String, tensor: Tensor)]) {
    self.init(names: pairs.map(\.name), tensors: pairs.map(\.tensor))
  }

  /// The tensor called `name`; nil when there is none.
  public subscript(name: String) -> Tensor? { indices[name].map { tensors[$0] } }

  /// The tensors of `names`, which it has to have.
  func tensors(inOrderOf names: [String]) -> [Tensor] { names.map { self[$0]! } }

  /// Throws unless the names are those of `other`, in any order, and the shapes too.
  package func expect(sameNamesAndShapesAs other: StateDictionary) throws(StateDictionaryError) {
    let missing = other.names.filter { self[$0] == nil }
    if !missing.isEmpty { throw .missing(names: missing) }
    let unexpected = names.filter { other[$0] == nil }
    if !unexpected.isEmpty { throw .unexpected(names: unexpected) }
    for (name, tensor) in zip(other.names, other.tensors) where self[name]!.shape != tensor.shape {
      throw .mismatchedShape(name: name, expected: tensor.shape, found: self[name]!.shape)
    }
  }
}

/// Why a state dictionary does not fit a module.
public enum StateDictionaryError: Error, Equatable, CustomStringConvertible {
  /// The module has parameters that the dictionary has not.
  case missing(names: [String])
  /// The dictionary has tensors that the module has no parameter for.
  case unexpected(names: [String])
  /// A tensor has another shape than its parameter.
  case mismatchedShape(name: String, expected: [Int], found: [Int])

  /// A sentence that names the tensors.
  public var description: String {
    switch self {
    case .missing(let names):
      "tensors are missing: \(names.joined(separator: ", "))"
    case .unexpected(let names):
      "there are tensors that the model has no parameter for: \(names.joined(separator: ", "))"
    case .mismatchedShape(let name, let expected, let found):
      "tensor '\(name)' has shape \(found), the model expects \(expected)"
    }
  }
}
