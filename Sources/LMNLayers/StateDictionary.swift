public import LMNKernels

/// Tensors by parameter name, in checkpoint order: weights, gradients or moments.
public struct StateDictionary: Sendable, Equatable {
  /// The names, without duplicates.
  public let names: [String]
  /// The tensors, in the order of the names.
  public var tensors: [Tensor]
  private let indices: [String: Int]

  /// A dictionary of `names` and the same number of tensors.
  ///
  /// - Precondition: Names are unique.
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

  /// The tensors of `names`, all of which have to be present.
  func tensors(inOrderOf names: [String]) -> [Tensor] { names.map { self[$0]! } }

  /// Names and shapes of the tensors.
  package var layout: [(name: String, shape: [Int])] { Array(zip(names, tensors.map(\.shape))) }

  /// Throws unless names (in any order) and shapes are those of `other`.
  package func expect(sameNamesAndShapesAs other: StateDictionary) throws(StateDictionaryError) {
    if let error = StateDictionaryError(found: layout, expected: other.layout) { throw error }
  }
}

/// Mismatch of names and shapes between a state dictionary and a module.
public struct StateDictionaryError: Error, Equatable, CustomStringConvertible {
  /// Parameters without a tensor.
  public var missing: [String] = []
  /// Tensors without a parameter.
  public var unexpected: [String] = []
  /// Tensors whose shape differs from that of their parameter.
  public var misshapen: [Misshape] = []

  /// A tensor whose shape differs from that of its parameter.
  public struct Misshape: Sendable, Equatable, CustomStringConvertible {
    let name: String
    let expected, found: [Int]

    /// A mismatch of a tensor's shape.
    public init(name: String, expected: [Int], found: [Int]) {
      (self.name, self.expected, self.found) = (name, expected, found)
    }

    /// A sentence with name and both shapes.
    public var description: String {
      "tensor '\(name)' has shape \(found), the model expects \(expected)"
    }
  }

  /// An error with the given mismatches.
  public init(
    missing: [String] = [], unexpected: [String] = [], misshapen: [Misshape] = []
  ) {
    (self.missing, self.unexpected, self.misshapen) = (missing, unexpected, misshapen)
  }

  /// All mismatches between two lists of unique names with shapes; nil when there are none.
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

  /// A sentence per tensor.
  public var findings: [String] {
    missing.map { "there is no tensor '\($0)'" }
      + unexpected.map { "the model has no parameter for tensor '\($0)'" }
      + misshapen.map(\.description)
  }

  /// A sentence with all tensors.
  public var description: String {
    let sentences =
      [
        ("tensors are missing: ", missing),
        ("there are tensors that the model has no parameter for: ", unexpected),
      ].filter { !$1.isEmpty }.map { $0 + $1.joined(separator: ", ") }
    return (sentences + misshapen.map(\.description)).joined(separator: "; ")
  }
}
