import LMNLayers
import Testing

@testable import LMNExperiments

@Suite struct DrawsTests {
  /// Whether a count of draws with this probability is within five standard deviations.
  static func isLikely(_ count: Int, of draws: Int, probability: Double) -> Bool {
    let expected = Double(draws) * probability
    return abs(Double(count) - expected) <= 5 * (expected * (1 - probability)).squareRoot()
  }

  /// All ordered selections are equally likely.
  @Test(arguments: [(1, 5), (2, 3), (3, 3)])
  func selectionsAreEquallyLikely(count: Int, bound: Int) {
    var generator = SeededGenerator(seed: 1)
    var counts: [[Int]: Int] = [:]
    let draws = 10_000
    for _ in 0..<draws { counts[generator.draw(count, below: bound), default: 0] += 1 }
    let selections = (0..<count).reduce(1) { $0 * (bound - $1) }
    #expect(counts.count == selections)
    for (selection, found) in counts {
      #expect(Set(selection).count == count && selection.allSatisfy((0..<bound).contains))
      #expect(Self.isLikely(found, of: draws, probability: 1 / Double(selections)))
    }
  }

  /// Probability of i, then j ≠ i: w(i) / Σw · w(j) / (Σw − w(i)).
  @Test func placesAreDrawnByTheWeightsThatAreLeft() {
    let weights = [4, 1, 2, 3.0]
    var generator = SeededGenerator(seed: 2)
    var counts: [[Int]: Int] = [:]
    let draws = 20_000
    for _ in 0..<draws { counts[generator.draw(2, byWeights: weights), default: 0] += 1 }
    for first in weights.indices {
      for second in weights.indices where second != first {
        let probability = weights[first] / 10 * weights[second] / (10 - weights[first])
        #expect(
          Self.isLikely(counts[[first, second]] ?? 0, of: draws, probability: probability),
          "\(first), \(second)")
      }
    }
    #expect(counts.values.reduce(0, +) == draws && counts.keys.allSatisfy { $0[0] != $0[1] })
    #expect(generator.draw(4, byWeights: weights).sorted() == [0, 1, 2, 3])
  }
}
