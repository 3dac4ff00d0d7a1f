internal import LMNKernels
internal import LMNLayers
import LMNModel
internal import LMNTraining

/// Recall across segments: pairs of a key and a value in the first segment, and the keys again, in
/// another order, in the last one; the answer to each is its value.
///
/// The segments between, and the places after the keys in the last one, hold fillers. So nothing but
/// a state reaches from the pairs to the questions. All keys occur in each example, values are drawn
/// independently. A segment has 2N tokens: N pairs.
public struct SegmentRecall: Sendable, Equatable, Encodable {
  /// N: pairs of an example, and number of keys.
  public let pairs: Int
  /// V: number of values to draw from.
  public let values: Int
  /// F: number of fillers to draw from.
  public let fillers: Int

  /// A task of these sizes.
  ///
  /// - Throws: `TrainingError` when a size is out of range.
  public init(pairs: Int = 4, values: Int = 8, fillers: Int = 4) throws {
    (self.pairs, self.values, self.fillers) = (pairs, values, fillers)
    for (name, count) in [("pairs", pairs), ("values", values), ("fillers", fillers)]
    where !(1...Self.mostTokens).contains(count) {
      throw TrainingError.outOfRange(
        name: name, value: "\(count)", range: "1 to \(Self.mostTokens)")
    }
  }

  /// Upper limit of the numbers of pairs, of values and of fillers.
  static let mostTokens = 1 << 16

  /// Tokens of a segment.
  public var segmentLength: Int { 2 * pairs }
  /// Size of the vocabulary: keys, then values, then fillers.
  public var vocabularySize: Int { pairs + values + fillers }
  /// Accuracy of a uniform guess among the values.
  public var chance: Double { 1 / Double(values) }

  /// An example of at least 2 segments, determined by the generator's state.
  func example(segments: Int, using generator: inout SeededGenerator) -> Example {
    func drawn(_ count: Int, from first: Int, below bound: Int) -> [Token] {
      (0..<count).map { _ in Token(first + generator.integer(below: bound)) }
    }
    let keys = generator.draw(pairs, below: pairs).map { Token($0) }
    let bound = drawn(pairs, from: pairs, below: values)
    let between = drawn(
      (segments - 2) * segmentLength, from: pairs + values, below: fillers)
    let asked = generator.draw(pairs, below: pairs)
    let last = drawn(pairs, from: pairs + values, below: fillers)
    let unanswered = [Token](repeating: ignoredTarget, count: (segments - 1) * segmentLength)
    return Example(
      inputs: zip(keys, bound).flatMap { [$0, $1] } + between
        + zip(asked, last).flatMap { [keys[$0], $1] },
      targets: unanswered + asked.flatMap { [bound[$0], ignoredTarget] })
  }
}
