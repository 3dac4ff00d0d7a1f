import CAllocationCount
import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct SamplerTests {
  private let logits = Tensor(shape: [5], scalars: [1, 3, -2, 3, 2])

  /// Counts of each token in `draws` draws.
  private func counts(
    of sampler: Sampler, draws: Int, logits: Tensor? = nil, seed: UInt64 = 7
  ) -> [Int] {
    let logits = logits ?? self.logits
    var generator = SeededGenerator(seed: seed)
    return (0..<draws).reduce(into: [Int](repeating: 0, count: logits.count)) { counts, _ in
      counts[Int(sampler.sample(logits, using: &generator))] += 1
    }
  }

  private func sampler(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil) -> Sampler {
    var sampler = Sampler()
    (sampler.temperature, sampler.topK, sampler.topP) = (temperature, topK, topP)
    return sampler
  }

  @Test func temperatureZeroTakesTheLowestOfTheLikeliest() {
    #expect(counts(of: sampler(temperature: 0), draws: 50) == [0, 50, 0, 0, 0])
    let equal = Tensor(shape: [4], repeating: -1)
    #expect(counts(of: sampler(temperature: 0), draws: 9, logits: equal) == [9, 0, 0, 0])
  }

  @Test(arguments: [
    (1, [1]), (2, [1, 3]), (3, [1, 3, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4]),
  ])
  func topKDrawsFromTheLikeliest(topK: Int, tokens: [Int]) {
    let counts = counts(of: sampler(topK: topK), draws: 5000)
    #expect(counts.indices.filter { counts[$0] > 0 } == tokens)
  }

  /// Probabilities 0.6, 0.3 and 0.1.
  @Test(arguments: [(0.1, 1), (0.59, 1), (0.61, 2), (0.89, 2), (0.91, 3), (1, 3)])
  func topPDrawsFromTheLikeliestThatSuffice(topP: Double, kept: Int) {
    let logits = Tensor(shape: [3], scalars: [0.6, 0.3, 0.1].map { Float(log($0)) })
    let counts = counts(of: sampler(topP: topP), draws: 5000, logits: logits)
    #expect(counts.filter { $0 > 0 }.count == kept)
    #expect(counts.prefix(kept).allSatisfy { $0 > 0 })
  }

  /// Order: temperature, top-k, top-p as a fraction of the rest.
  ///
  /// The probabilities are 0.4, 0.3, 0.2, 0.1; another order keeps another number of tokens.
  @Test(arguments: [(0.5, nil, 0.5, 1), (2, nil, 0.35, 2), (1, 2, 0.55, 1), (2, 3, 0.42, 2)])
  func temperatureThenTopKThenTopP(temperature: Double, topK: Int?, topP: Double, kept: Int) {
    let logits = Tensor(shape: [4], scalars: [0.4, 0.3, 0.2, 0.1].map { Float(log($0)) })
    let sampler = sampler(temperature: temperature, topK: topK, topP: topP)
    let counts = counts(of: sampler, draws: 1000, logits: logits)
    #expect(counts.indices.filter { counts[$0] > 0 } == Array(0..<kept))
  }

  @Test(arguments: [(1.0, nil, nil), (0.5, nil, nil), (2, 4, nil), (1, 4, 0.9), (1, nil, 0.8)])
  func drawsFollowTheProbabilities(temperature: Double, topK: Int?, topP: Double?) {
    let draws = 40_000
    let sampler = sampler(temperature: temperature, topK: topK, topP: topP)
    let counts = counts(of: sampler, draws: draws)
    // Definition: the likeliest k, of these the likeliest with total probability p, then softmax.
    var kept = logits.scalars.enumerated().sorted { $0.element > $1.element }
      .map { (token: $0.offset, weight: exp(Double($0.element) / temperature)) }
    kept = Array(kept.prefix(topK ?? kept.count))
    if let topP {
      let total = kept.reduce(0) { $0 + $1.weight }
      var sum = 0.0
      kept = Array(
        kept.prefix { candidate in
          defer { sum += candidate.weight }
          return sum < topP * total
        })
    }
    let total = kept.reduce(0) { $0 + $1.weight }
    for token in counts.indices {
      let probability = (kept.first { $0.token == token }?.weight ?? 0) / total
      let expected = Double(draws) * probability
      // Five standard deviations of a binomial count.
      let bound = 5 * (expected * (1 - probability)).squareRoot()
      #expect(abs(Double(counts[token]) - expected) <= bound, "token \(token)")
    }
  }

  @Test func seedsRepeatAndDiffer() {
    func draws(seed: UInt64) -> [Token] {
      var generator = SeededGenerator(seed: seed)
      return (0..<100).map { _ in Sampler().sample(logits, using: &generator) }
    }
    #expect(draws(seed: 1) == draws(seed: 1))
    #expect(draws(seed: 1) != draws(seed: 2))
  }

  /// Logits whose differences overflow when divided.
  @Test func extremeLogitsAreNoTrouble() {
    let logits = Tensor(shape: [3], scalars: [-3e38, 3e38, 0])
    #expect(counts(of: sampler(temperature: 1e-300), draws: 5, logits: logits) == [0, 5, 0])
  }

  @Test(
    arguments: [
      (-1, nil, nil, "temperature is -1.0, it has to be 0 or more"),
      (.infinity, nil, nil, "temperature is inf, it has to be 0 or more"),
      (.nan, nil, nil, "temperature is nan, it has to be 0 or more"),
      (1, 0, nil, "top-k is 0, it has to be 1 or more"),
      (1, -3, nil, "top-k is -3, it has to be 1 or more"),
      (1, nil, 0, "top-p is 0.0, it has to be above 0, at most 1"),
      (1, nil, 1.5, "top-p is 1.5, it has to be above 0, at most 1"),
      (1, nil, .nan, "top-p is nan, it has to be above 0, at most 1"),
    ] as [(Double, Int?, Double?, String)])
  func refusesWhatMakesNoSense(temperature: Double, topK: Int?, topP: Double?, sentence: String) {
    let error = #expect(throws: SamplerError.self) {
      try sampler(temperature: temperature, topK: topK, topP: topP).validate()
    }
    #expect(error?.description == sentence)
  }

  @Test func acceptsTheLimits() throws {
    try sampler(temperature: 0, topK: 1, topP: 1).validate()
    try Sampler().validate()
  }

  /// Two of four equal weights are half of their sum; equal logits rank by token number.
  @Test func topPKeepsNoMoreThanItNeeds() {
    let counts = counts(
      of: sampler(topP: 0.5), draws: 200, logits: Tensor(shape: [4], repeating: -1))
    #expect(counts[0] > 0 && counts[1] > 0 && counts[2...] == [0, 0])
  }

  /// A workspace is allocated once, and changes no draw.
  @Test(.enabled(if: lmn_counts_allocations()))
  func laterDrawsAllocateNothing() {
    let logits = Tensor.random([200], seed: 3)
    for sampler in [
      sampler(temperature: 0), sampler(), sampler(topK: 7), sampler(topP: 0.6),
      sampler(temperature: 0.5, topK: 50, topP: 0.9),
    ] {
      var (generator, other) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
      var workspace = Sampler.Workspace()
      let first = sampler.sample(logits, using: &generator, in: &workspace)
      var tokens = [Token](repeating: first, count: 50)
      let before = lmn_allocation_count()
      for index in 1..<50 {
        tokens[index] = sampler.sample(logits, using: &generator, in: &workspace)
      }
      #expect(lmn_allocation_count() == before, "\(sampler)")
      #expect(tokens == (0..<50).map { _ in sampler.sample(logits, using: &other) })
    }
  }

  /// The tokens that top-k and top-p leave are those of a sorted list, with many equal logits.
  @Test func keptTokensAreTheFirstOfASortedList() {
    var values = SeededValues(seed: 4)
    for (topK, topP) in combinations(40, of: [nil, 1, 3, 17, 60], [nil, 0.05, 0.5, 0.999, 1]) {
      let scalars = (0..<40).map { _ in Float(values.next() % 8) }
      let ranked = scalars.indices.sorted { (scalars[$1], $0) < (scalars[$0], $1) }
      var kept = ranked.prefix(topK ?? 40)
      if let topP {
        let weights = kept.map { exp(Double(scalars[$0])) }
        let enough = topP * weights.reduce(0, +)
        var (sum, count) = (0.0, 0)
        while count < kept.count && sum < enough {
          (sum, count) = (sum + weights[count], count + 1)
        }
        kept = kept.prefix(count)
      }
      let counts = counts(
        of: sampler(topK: topK, topP: topP), draws: 400,
        logits: Tensor(shape: [40], scalars: scalars))
      let drawn = Set(counts.indices.filter { counts[$0] > 0 })
      #expect(drawn.isSubset(of: kept), "\(topK as Any), \(topP as Any), \(scalars)")
      #expect(kept.count > 3 || drawn.count == kept.count, "\(topK as Any), \(topP as Any)")
    }
  }
}
