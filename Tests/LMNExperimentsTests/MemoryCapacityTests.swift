import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@testable import LMNExperiments

/// Capacity of memories without training (arXiv 2502.13685 claims that of mixtures): pairs of random
/// unit keys and values are written, then every key is read, and the result decoded to the nearest
/// of 1024 random unit codes, of which the values are some.
///
/// The expected accuracies are those of an independent computation in PyTorch, with 20 trials of
/// other random numbers.
@Suite struct MemoryCapacityTests {
  /// A memory, or a mixture of four.
  struct Memories: Sendable, CustomTestStringConvertible {
    /// Memories that a token is routed to, of four; nil for one memory.
    var topK: Int?
    var isShared = false
    var keyWidth = 32
    var valueWidth = 64
    var isDelta = false

    var testDescription: String {
      (isDelta ? "delta rule, " : "linear attention, ")
        + (topK.map { "top-\($0) of 4" + (isShared ? " and a shared one" : "") }
          ?? "one of \(keyWidth) x \(valueWidth)")
    }

    /// Fraction of the values decoded right.
    func accuracy(pairs: Int, using generator: inout SeededGenerator) -> Double {
      let keys = unitRows(pairs, keyWidth, using: &generator)
      let codes = unitRows(1024, valueWidth, using: &generator)
      let values = (0..<pairs).map { _ in generator.integer(below: 1024) }
      let rows = { (count: Int, width: Int) in
        Variable(constant: Tensor(shape: [count, width], repeating: 0))
      }
      // The first half of the tokens writes, the second half reads.
      var queries = Variable.concatenatingRows([rows(pairs, keyWidth), keys])
      var written = Variable.concatenatingRows([keys, rows(pairs, keyWidth)])
      var bound = Variable.concatenatingRows([codes.rows(at: values), rows(pairs, valueWidth)])
      var (segments, combine) = (Segments(rows: 2 * pairs), { (read: Variable) in read })
      if let topK {
        let routing = routing(of: .concatenatingRows([keys, keys]), topK, using: &generator)
        let grouping = Grouping(routing.choices, isShared: isShared)
        (queries, written, bound) = (
          queries.dispatched(by: grouping), written.dispatched(by: grouping),
          bound.dispatched(by: grouping)
        )
        segments = grouping.segments
        combine = { $0.combined(by: grouping, weights: routing.weights) }
      }
      let beta = Variable(constant: Tensor(shape: [segments.rows, 1], repeating: 1))
      let state = Tensor(shape: [segments.count, 1, keyWidth, valueWidth], repeating: 0)
      let read = combine(
        queries.linearRecurrence(
          keys: written, values: bound, beta: isDelta ? beta : nil, decay: nil, heads: 1,
          after: Variable(constant: state), of: segments
        ).output)
      let answers = read.rows(at: Array(pairs..<2 * pairs)).linear(weight: codes)
      return Double(zip(answers.value.likeliestTokens, values).count { Int($0) == $1 })
        / Double(pairs)
    }

    /// Router of logits with a standard deviation of √32: a random normal map of the keys before
    /// their division by their length.
    ///
    /// The accuracy of top-2 depends on it, since the weights of a token's two memories do.
    private func routing(
      of keys: Variable, _ topK: Int, using generator: inout SeededGenerator
    ) -> Routing {
      let deviation = Float(keyWidth).squareRoot()
      let map = Tensor(
        shape: [4, keyWidth],
        scalars: (0..<4 * keyWidth).map { _ in deviation * generator.normal() })
      return Routing(logits: keys.linear(weight: Variable(constant: map)), routed: topK)
    }

    private func unitRows(
      _ count: Int, _ width: Int, using generator: inout SeededGenerator
    ) -> Variable {
      Variable(
        constant: Tensor(
          shape: [count, width],
          scalars: (0..<count).flatMap { _ in
            let row = (0..<width).map { _ in generator.normal() }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / length }
          }))
    }
  }

  @Test(arguments: [
    (Memories(), [0.95, 0.66, 0.29]),
    (Memories(valueWidth: 192), [1, 0.97, 0.81]),
    (Memories(keyWidth: 96), [1, 1, 0.88]),
    (Memories(topK: 1), [1, 1, 0.94]),
    (Memories(topK: 1, isShared: true), [1, 0.97, 0.73]),
    (Memories(topK: 2), [1, 0.97, 0.74]),
    (Memories(topK: 2, isShared: true), [0.99, 0.90, 0.54]),
    (Memories(isDelta: true), [0.49, 0.24, 0.11]),
    (Memories(keyWidth: 96, isDelta: true), [1, 0.74, 0.37]),
    (Memories(topK: 1, isDelta: true), [0.97, 0.80, 0.47]),
    (Memories(topK: 2, isDelta: true), [0.85, 0.51, 0.25]),
    (Memories(topK: 2, isShared: true, isDelta: true), [0.73, 0.39, 0.20]),
  ])
  func accuracyIsThatOfTheTable(memories: Memories, expected: [Double]) {
    let trials = 20
    for (pairs, expected) in zip([64, 128, 256], expected) {
      var generator = SeededGenerator(seed: 1)
      let accuracies = computing {
        (0..<trials).map { _ in memories.accuracy(pairs: pairs, using: &generator) }
      }
      let mean = accuracies.reduce(0, +) / Double(trials)
      let squares = accuracies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let standardError = (squares / Double(trials - 1) / Double(trials)).squareRoot()
      // The difference of two means of as many trials has √2 times the standard error of one, here
      // at most 0.009. Four of these, and the table is rounded to 0.01.
      let bound = 0.005 + 4 * 2.0.squareRoot() * standardError
      #expect(abs(mean - expected) <= bound, "\(pairs) pairs: \(mean) ± \(bound)")
    }
  }
}
