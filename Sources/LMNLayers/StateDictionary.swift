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

  /// The names with the shapes of their tensors.
  package var layout: [(name: String, shape: [Int])] { Array(zip(names, tensors.map(\.shape))) }

  /// Throws unless the names are those of `other`, in any order, and the shapes too.
  package func expect(sameNamesAndShapesAs other: StateDictionary) throws(StateDictionaryError) {
    if let error = StateDictionaryError(found: layout, expected: other.layout) { throw error }
  }
}

/// Why a state dictionary does not fit a module: everything that is wrong with names and shapes.
public struct StateDictionaryError: Error, Equatable, CustomStringConvertible {
  /// Parameters that the dictionary has no tensor for.
  public var missing: [String] = []
  /// Tensors that the module has no parameter for.
  public var unexpected: [String] = []
  /// Tensors of another shape than their parameters.
  public var misshapen: [Misshape] = []

  /// A tensor of another shape than its parameter.
  public struct Misshape: Sendable, Equatable, CustomStringConvertible {
    let name: String
    let expected, found: [Int]

    /// A tensor and both shapes.
    public init(name: String, expected: [Int], found: [Int]) {
      (self.name, self.expected, self.found) = (name, expected, found)
    }

    /// A sentence that names both.
    public var description: String {
      "tensor '\(name)' has shape \(found), the model expects \(expected)"
    }
  }

  /// An error with these findings.
  public init(
    missing: [String] = [], unexpected: [String] = [], misshapen: [Misshape] = []
  ) {
    (self.missing, self.unexpected, self.misshapen) = (missing, unexpected, misshapen)
  }

  /// What is wrong with names, each of which comes once, and their shapes; nil when nothing is.
  package init?(
    found: [(name: String, shape: [Int])], expected: [(name: String, shape: [Int])]
  ) {
    let shapes = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.shape) })
    let known = Set(expected.map(\.name))
    self.init(
      missing: expected.map(\.name).filter { shapes[$0] == nil },
      unexpected: found.map(\.name).filter { !known.contains($0) },
      misshapen: expected.compactMap { name, expected in
        guard let found = shapes[name], found != expected else { return nil }
        return Misshape(name: name, expected: expected, found: found)
      })
    if self == StateDictionaryError() { return nil }
  }

  /// A sentence for every tensor.
  public var findings: [String] {
    missing.map { "there is no tensor '\($0)'" }
      + unexpected.map { "the model has no parameter for tensor '\($0)'" }
      + misshapen.map(\.description)
  }

  /// A sentence that names all tensors.
  public var description: String {
    let sentences =
      [
        ("tensors are missing: ", missing),
        ("there are tensors that the model has no parameter for: ", unexpected),
      ].filter { !$1.isEmpty }.map { $0 + $1.joined(separator: ", ") }
    return (sentences + misshapen.map(\.description)).joined(separator: "; ")
  }
}
