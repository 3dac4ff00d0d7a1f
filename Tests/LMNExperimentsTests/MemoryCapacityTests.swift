import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

/// Capacity of memories without training: pairs of random unit keys and values are written, then
/// every key is read, and the result decoded to the nearest of 1024 random unit codes, of which the
/// values are some.
@Suite struct MemoryCapacityTests {
  /// Keys of 32 features, codes of 64, and the values of the keys.
  private struct Pairs {
    let keys, codes: Variable
    let values: [Token]

    init(_ count: Int, using generator: inout SeededGenerator) {
      func unitRows(_ rows: Int, _ width: Int) -> Variable {
        let scalars = (0..<rows * width).map { _ in generator.normal() }
        return Variable(constant: Tensor(shape: [rows, width], scalars: scalars))
          .features(.identity, width: width, isNormalized: true, scale: 1)
      }
      keys = unitRows(count, 32)
      codes = unitRows(1024, 64)
      values = (0..<count).map { _ in Token(generator.integer(below: 1024)) }
    }
  }

  /// One memory, or a mixture of four.
  enum Memories: String, CaseIterable {
    case one, top1, top2, top2AndShared

    var routed: Int? {
      switch self {
      case .one: nil
      case .top1: 1
      case .top2, .top2AndShared: 2
      }
    }
  }

  /// Fraction of the values decoded right.
  private func accuracy(
    of memories: Memories, isDelta: Bool, _ pairs: Pairs, router: Variable
  ) -> Double {
    let count = pairs.values.count
    func zeros(_ width: Int) -> Variable {
      Variable(constant: Tensor(shape: [count, width], repeating: 0))
    }
    // The first half of the tokens writes, the second half reads.
    var rows = [
      Variable.concatenatingRows([zeros(32), pairs.keys]),
      Variable.concatenatingRows([pairs.keys, zeros(32)]),
      Variable.concatenatingRows([
        pairs.codes.embedding(of: TokenBuffer(pairs.values)), zeros(64),
      ]),
    ]
    var segments = Segments(rows: 2 * count)
    var combine = { (read: Variable) in read }
    if let routed = memories.routed {
      let routing = Routing(
        logits: Variable.concatenatingRows([pairs.keys, pairs.keys]).linear(weight: router),
        routed: routed)
      let grouping = Grouping(routing.choices, isShared: memories == .top2AndShared)
      rows = rows.map { $0.dispatched(by: grouping) }
      segments = grouping.segments
      combine = { $0.combined(by: grouping, weights: routing.weights) }
    }
    let beta = Variable(constant: Tensor(shape: [segments.rows, 1], repeating: 1))
    let state = Variable(constant: Tensor(shape: [segments.count, 1, 32, 64], repeating: 0))
    let read = combine(
      rows[0].linearRecurrence(
        keys: rows[1], values: rows[2], beta: isDelta ? beta : nil, decay: nil, heads: 1,
        after: state, of: segments
      ).output)
    let answers = read.rows(at: Array(count..<2 * count))
    let nearest = pairs.codes.linear(weight: answers).value
      .rowMaximum(weights: Tensor(shape: [1024], repeating: 1)).rows
    return Double(zip(nearest.elements, pairs.values).count { $0 == $1 }) / Double(count)
  }

  /// Accuracies, in the order of ``Memories``, agree with those of an independent program on other
  /// random numbers, as many trials, rounded to 0.01.
  @Test(arguments: [
    (64, false, [0.95, 1, 1, 0.99]), (128, false, [0.66, 1, 0.97, 0.90]),
    (64, true, [0.49, 0.97, 0.85, 0.73]), (128, true, [0.24, 0.80, 0.51, 0.39]),
  ])
  func capacityGrowsWithMemories(count: Int, isDelta: Bool, expected: [Double]) {
    let trials = 20
    var generator = SeededGenerator(seed: 1)
    let accuracies = computing {
      (0..<trials).map { _ in
        let pairs = Pairs(count, using: &generator)
        // Logits with a standard deviation of √32: a normal map of the keys before their division by
        // their length. The weights of two chosen memories, and so their capacity, depend on it.
        let router = (0..<4 * 32).map { _ in Float(32).squareRoot() * generator.normal() }
        let weight = Variable(constant: Tensor(shape: [4, 32], scalars: router))
        return Memories.allCases.map {
          accuracy(of: $0, isDelta: isDelta, pairs, router: weight)
        }
      }
    }
    for (index, memories) in Memories.allCases.enumerated() {
      let mean = accuracies.reduce(0) { $0 + $1[index] } / Double(trials)
      let squares = accuracies.reduce(0) { $0 + ($1[index] - mean) * ($1[index] - mean) }
      let standardError = (squares / Double(trials - 1) / Double(trials)).squareRoot()
      // The difference of two means of as many trials has √2 times the standard error of one, which
      // is at most 0.01 here. Four of these, and half of the last digit.
      let bound = 0.005 + 4 * 2.0.squareRoot() * standardError
      #expect(standardError < 0.01)
      #expect(abs(mean - expected[index]) <= bound, "\(memories): \(mean) ± \(bound)")
    }
  }
}
