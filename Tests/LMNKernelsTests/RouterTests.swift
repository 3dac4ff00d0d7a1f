import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RouterTests {
  static let calls: [KernelCall] = {
    let sizes = combinations(60, of: [0, 1, 2, 7, 40], [1, 2, 3, 4, 7, 8, 9, 16, 17, 33, 70])
    return sizes.flatMap { rows, memories in
      Set([1, 2, memories / 2, memories]).filter { (1...memories).contains($0) }.sorted()
        .flatMap { calls(rows: rows, memories: memories, routed: $0) }
    } + [255, 256, 257, 513, 1100].map { balance(rows: $0, memories: 5, routed: 2) }
  }()
  static let sharedCalls =
    calls(rows: 1100, memories: 4, routed: 2) + calls(rows: 30, memories: 200, routed: 3)

  private static func calls(rows: Int, memories: Int, routed: Int) -> [KernelCall] {
    let (of, to) = (memories, routed)
    let perRow = [
      router(rows: rows, memories: of, routed: to),
      routerPullback(rows: rows, memories: of, routed: to),
    ]
    // The balance is a mean over the rows.
    guard rows > 0 else { return perRow }
    return perRow + [
      balance(rows: rows, memories: of, routed: to), balancePullback(rows: rows, memories: of),
    ]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Few values, so that most rows have several equal logits; and logits beyond the range of exp.
  @Test(arguments: InstructionSet.available, [1, 2, 5])
  func choosesByFallingLogitsThenRisingNumbers(_ instructionSet: InstructionSet, routed: Int) {
    let (rows, memories) = (200, 5)
    var values = SeededValues(seed: UInt64(routed))
    let levels: [Float] = [-3e38, -1000, -0.0, 0, 1, 1000]
    let logits = values.integers(rows * memories, below: levels.count).map { levels[Int($0)] }
    let choices = computing(on: instructionSet) {
      Tensor(shape: [rows, memories], scalars: logits).routed(to: routed)
    }
    for row in 0..<rows {
      let own = logits[row * memories..<(row + 1) * memories].map { $0 }
      let order = own.indices.sorted { (own[$1], $0) < (own[$0], $1) }
      let chosen = choices.chosen.elements[row * routed..<(row + 1) * routed].map(Int.init)
      #expect(chosen == Array(order.prefix(routed)), "logits \(own)")
    }
    let weights = choices.weights.scalars
    #expect((choices.probabilities.scalars + weights).allSatisfy { (0...1).contains($0) })
    #expect(routed > 1 || weights.allSatisfy { $0 == 1 })
  }

  /// Rows after one with NaN or infinities are not affected.
  @Test(arguments: InstructionSet.available, [1, 2, 6])
  func choosesMemoriesForNotANumber(_ instructionSet: InstructionSet, routed: Int) {
    let memories = 6
    let values: [Float] = [.nan, .infinity, -.infinity, 1, 0, .nan, 2]
    var logits = (0..<7 * 7 * 7).flatMap { number in
      let digits = [number % 7, number / 7 % 7, number / 49].map { values[$0] }
      return digits + digits.reversed()
    }
    logits += [3, 1, 2, 0, -1, -2]
    let rows = logits.count / memories
    let results = GuardedArguments.results { arrays in
      var arguments = lmn_router(
        rows: rows, memories: memories, routed: routed, logits: arrays.input(logits),
        probabilities: arrays.output(rows * memories),
        chosen: arrays.integerOutput(rows * routed), weights: arrays.output(rows * routed))
      lmn_router_forward(instructionSet.context(), &arguments)
    }
    #expect(results[1].allSatisfy { (0..<Float(memories)).contains($0) })
    for row in 0..<rows {
      let chosen = results[1][row * routed..<(row + 1) * routed]
      #expect(Set(chosen).count == routed, "choices \(chosen)")
    }
    #expect(results[1].suffix(routed) == [0, 2, 1, 3, 4, 5][..<routed])
    #expect(results[0].suffix(memories).allSatisfy { $0.isNormal })
  }

  /// The mean of the terms is k if all probabilities are equal.
  @Test(arguments: InstructionSet.available, [1, 3, 4])
  func balanceOfEqualProbabilitiesIsTheNumberOfChoices(
    _ instructionSet: InstructionSet, routed: Int
  ) {
    computing(on: instructionSet) {
      let choices = Tensor(shape: [10, 4], repeating: 0.25).routed(to: routed)
      let (terms, shares) = choices.balance()
      #expect(shares.scalars == (0..<4).map { $0 < routed ? 1 : 0 })
      #expect(terms.scalars == shares.scalars.map { 4 * $0 })
    }
  }

  @Test func trapsOnMoreChoicesThanMemories() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).routed(to: 3)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).routed(to: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [6], repeating: 0).routed(to: 1)
    }
  }

  @Test func trapsOnCotangentsOfOtherShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).routed(to: 1)
        .logitsPullback(ofWeights: Tensor(shape: [3, 2], repeating: 0))
    }
    await #expect(processExitsWith: .failure) {
      let choices = Tensor(shape: [3, 2], repeating: 0).routed(to: 1)
      _ = choices.logitsPullback(
        ofTerms: Tensor(shape: [2], repeating: 0), shares: choices.balance().shares)
    }
  }
}

/// Largest exponential where the argument is cut off.
private let leftover = exp(-87.0)

/// Distinct memories for each row.
private func choices(
  rows: Int, memories: Int, routed: Int, using values: inout SeededValues
) -> [Int32] {
  (0..<rows).flatMap { _ in
    (0..<Int32(memories)).shuffled(using: &values).prefix(routed)
  }
}

private func router(rows: Int, memories: Int, routed: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let logits = values.floats(rows * memories, in: -20...20)
  return KernelCall(
    "router of [\(rows), \(memories)] to \(routed), seed \(seed)", inputs: [logits],
    // A logit's difference from the largest one, d, is rounded once, by at most |d| roundings of 1,
    // which are relative errors of its exponential; those of a sum are at most those of the terms.
    accuracy: .bounded { expected in
      let range = 40
      let exponential = range + Exponential.roundings
      let roundings = { (terms: Int) in
        Rounding.error(2 * exponential + Rounding.ofDot(terms) + 3)
      }
      return [
        expected[0].map { roundings(memories) * Double($0) + leftover },
        expected[1].map { _ in 0 },
        expected[2].map { roundings(routed) * Double($0) + leftover },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_router(
      rows: rows, memories: memories, routed: routed, logits: arrays.input(inputs[0]),
      probabilities: arrays.output(rows * memories), chosen: arrays.integerOutput(rows * routed),
      weights: arrays.output(rows * routed))
    lmn_router_forward(context, &arguments)
  }
}

private func routerPullback(
  rows: Int, memories: Int, routed: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let chosen = choices(rows: rows, memories: memories, routed: routed, using: &values)
  let (weights, cotangent) = (
    values.floats(rows * routed, in: 0...1), values.floats(rows * routed)
  )
  return KernelCall(
    "router's pullback of [\(rows), \(memories)] to \(routed), seed \(seed)",
    inputs: [weights, cotangent],
    // A dot product, a difference, a product, and the reference's rounding.
    accuracy: .bounded { _ in
      var bounds = [Double](repeating: 0, count: rows * memories)
      for row in 0..<rows {
        let own = row * routed..<(row + 1) * routed
        let along = own.reduce(0) { $0 + Double(weights[$1] * abs(cotangent[$1])) }
        for place in own {
          bounds[row * memories + Int(chosen[place])] =
            Rounding.error(Rounding.ofDot(routed) + 3) * Double(weights[place])
            * (Double(abs(cotangent[place])) + along)
        }
      }
      return [bounds]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_router_grad(
      rows: rows, memories: memories, routed: routed, chosen: arrays.input(chosen),
      weights: arrays.input(inputs[0]), d_weights: arrays.input(inputs[1]),
      d_logits: arrays.output(rows * memories))
    lmn_router_backward(context, &arguments)
  }
}

private func balance(rows: Int, memories: Int, routed: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let chosen = choices(rows: rows, memories: memories, routed: routed, using: &values)
  return KernelCall(
    "balance of [\(rows), \(memories)] to \(routed), seed \(seed)",
    inputs: [values.floats(rows * memories, in: 0...1)],
    // Shares: a quotient. Terms: blocks of 256 rows and their sum; the quotient, the share, two
    // products. Each has the reference's rounding.
    accuracy: .relative(roundings: [2, min(rows, 256) + (rows + 255) / 256 + 5])
  ) { context, arrays, inputs in
    var arguments = lmn_router_balance(
      rows: rows, memories: memories, routed: routed, chosen: arrays.input(chosen),
      probabilities: arrays.input(inputs[0]), shares: arrays.output(memories),
      terms: arrays.output(memories))
    lmn_router_balance_forward(context, &arguments)
  }
}

private func balancePullback(rows: Int, memories: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let probabilities = values.floats(rows * memories, in: 0...1)
  let (shares, cotangent) = (values.floats(memories, in: 0...1), values.floats(memories))
  return KernelCall(
    "balance's pullback of [\(rows), \(memories)], seed \(seed)",
    inputs: [probabilities, shares, cotangent],
    // The term's product, the dot product, a difference, the rate and its product, that with the
    // probability, and the reference's rounding.
    accuracy: .bounded { _ in
      let terms = zip(shares, cotangent).map { Double($0 * abs($1)) }
      let rate = Double(memories * memories) / Double(rows)
      return [
        (0..<rows).flatMap { row in
          let own = (0..<memories).map { Double(probabilities[row * memories + $0]) }
          let along = zip(own, terms).reduce(0) { $0 + $1.0 * $1.1 }
          return zip(own, terms).map {
            Rounding.error(Rounding.ofDot(memories) + 6) * rate * $0 * ($1 + along)
          }
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_router_balance_grad(
      rows: rows, memories: memories, probabilities: arrays.input(inputs[0]),
      shares: arrays.input(inputs[1]), d_terms: arrays.input(inputs[2]),
      d_logits: arrays.output(rows * memories))
    lmn_router_balance_backward(context, &arguments)
  }
}
