internal import LMNKernels
internal import LMNLayers
internal import LMNModel
internal import LMNTraining

/// Paired recall: N pairs of a key and a value, then all keys again in another order; the answer to
/// each is its value.
///
/// A pair is one token, so a memory can store it without any token before it. Keys of an example are
/// distinct, values are drawn independently.
public struct PairedRecall: Sendable, Equatable, Encodable {
  /// Number of keys to draw from.
  public let keys: Int
  /// V: number of values to draw from.
  public let values: Int
  /// N: pairs of a test example.
  public let pairs: Int

  /// A task of these sizes.
  ///
  /// - Throws: `TrainingError` when a size is out of range.
  public init(keys: Int = 128, values: Int = 64, pairs: Int = 64) throws {
    (self.keys, self.values, self.pairs) = (keys, values, pairs)
    for (name, count) in [("keys", keys), ("values", values)]
    where !(1...Self.mostTokens).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "1 to \(Self.mostTokens)")
    }
    if !(1...keys).contains(pairs) {
      throw TrainingError.outOfRange(
        name: "pairs", value: "\(pairs)", range: "1 to the number of keys, \(keys)")
    }
  }

  /// Upper limit of the numbers of keys and of values.
  static let mostTokens = 1 << 16

  /// Token that stands for the value of a key without a value.
  var noValue: Token { Token(values) }

  /// Accuracy of a uniform guess.
  public var chance: Double { 1 / Double(values) }

  /// A sequence of 2N tokens, each of a key and a value, with the answers.
  struct Example: Sendable, Equatable {
    /// Keys of the tokens.
    let keys: [Token]
    /// Values of the tokens; ``noValue`` in the second half.
    let values: [Token]
    /// Answers: the values of the keys in the second half, `ignoredTarget` in the first.
    let targets: [Token]
  }

  /// An example of `pairs` pairs, determined by the generator's state.
  func example(pairs: Int, using generator: inout SeededGenerator) -> Example {
    let context = generator.draw(pairs, below: keys)
    let bound = (0..<pairs).map { _ in Token(generator.integer(below: values)) }
    let order = generator.draw(pairs, below: pairs)
    return Example(
      keys: (context + order.map { context[$0] }).map { Token($0) },
      values: bound + bound.map { _ in noValue },
      targets: bound.map { _ in ignoredTarget } + order.map { bound[$0] })
  }
}
