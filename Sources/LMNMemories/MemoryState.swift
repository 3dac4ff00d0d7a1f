public import LMNAutodiff
internal import LMNKernels

/// State of one memory for one stream: named tensors.
///
/// It is a value: it can be copied, compared, saved, restored and forked.
public struct MemoryState: Sendable {
  /// One tensor of a state.
  public struct Part: Sendable {
    /// Name, such as `nodes`; unique in the state.
    public let name: String
    /// Value; gradients flow through it unless it is detached.
    public var value: Variable
    /// Whether −∞ is a valid value, as for the score of an empty place.
    public let admitsMinusInfinity: Bool

    /// Whether all values are finite; −∞ is allowed where it is valid.
    public var isFinite: Bool { value.value.isFinite(orMinusInfinity: admitsMinusInfinity) }

    /// A part of a state.
    public init(_ name: String, _ value: Variable, admitsMinusInfinity: Bool = false) {
      self.name = name
      self.value = value
      self.admitsMinusInfinity = admitsMinusInfinity
    }
  }

  /// The tensors, in the memory's order.
  public var parts: [Part]

  /// A state with the given parts.
  ///
  /// - Precondition: Names are unique.
  public init(_ parts: [Part] = []) {
    precondition(
      Set(parts.map(\.name)).count == parts.count,
      "MemoryState: names \(parts.map(\.name)) are not unique")
    self.parts = parts
  }

  /// The tensor called `name`.
  ///
  /// - Precondition: It exists.
  public subscript(name: String) -> Variable {
    get { parts[index(of: name)].value }
    set { parts[index(of: name)].value = newValue }
  }

  private func index(of name: String) -> Int {
    guard let index = parts.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("MemoryState: no '\(name)' among \(parts.map(\.name))")
    }
    return index
  }

  /// Names and shapes of the tensors.
  public var shapes: [(name: String, shape: [Int])] {
    parts.map { ($0.name, $0.value.value.shape) }
  }

  /// The same state, detached from gradients.
  public var detached: MemoryState { mapValues(\.detached) }

  /// Whether all values are finite; −∞ is allowed in parts that admit it.
  public var isFinite: Bool { parts.allSatisfy(\.isFinite) }

  /// The same parts with other values.
  package func mapValues(_ transform: (Variable) -> Variable) -> MemoryState {
    var state = self
    for index in parts.indices { state.parts[index].value = transform(parts[index].value) }
    return state
  }
}

extension MemoryState: Equatable {
  /// Whether names and values are equal.
  public static func == (left: Self, right: Self) -> Bool {
    left.parts.count == right.parts.count
      && zip(left.parts, right.parts).allSatisfy {
        $0.name == $1.name && $0.value.value == $1.value.value
      }
  }
}
