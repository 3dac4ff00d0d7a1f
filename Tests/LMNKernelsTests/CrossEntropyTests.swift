import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CrossEntropyTests {
  static let calls = (awkwardSizes + [130]).flatMap { vocabulary in
    [0, 1, 3].flatMap { rows in
      [
        losses(rows: rows, vocabulary: vocabulary),
        pullback(rows: rows, vocabulary: vocabulary),
      ]
    }
  }
  static let sharedCalls = [(7, 130), (1100, 17), (5, 1100)].flatMap { rows, vocabulary in
    [losses(rows: rows, vocabulary: vocabulary), pullback(rows: rows, vocabulary: vocabulary)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, [0, 1, -1, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      let equal = Tensor(shape: [1, 19], repeating: size)
      let alternating = Tensor(
        shape: [1, 19], scalars: (0..<19).map { $0.isMultiple(of: 2) ? size : -size })
      for logits in [equal, alternating] {
        let (losses, logNormalizer) = logits.crossEntropy(targets: [1])
        #expect(losses.scalar.isFinite && losses.scalar >= 0)
        let d_logits = logits.crossEntropyPullback(
          Tensor(shape: [1], repeating: 1), targets: [1], logNormalizer: logNormalizer)
        #expect(d_logits.scalars.allSatisfy { abs($0) <= 1 + Float.ulpOfOne })
      }
      // 19 equal logits: log 19, even if it is below the rounding error of `size`.
      let loss = Double(equal.crossEntropy(targets: [3]).losses.scalar)
      #expect(abs(loss - log(19)) <= Rounding.error(4) * (Double(abs(size)) + log(19)))
    }
  }

  /// The logits of an ignored row are never read.
  @Test(arguments: InstructionSet.available)
  func ignoresNegativeTargets(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let logits = Tensor(shape: [3, 2], scalars: [0, 0, .nan, .infinity, 0, 0])
      let targets: TokenBuffer = [1, -1, -100]
      let (losses, logNormalizer) = logits.crossEntropy(targets: targets)
      #expect(losses.scalars.dropFirst() == [0, 0] && logNormalizer.scalars.dropFirst() == [0, 0])
      #expect(abs(Double(losses.scalars[0]) - log(2)) <= Rounding.error(4) * log(2))
      let d_logits = logits.crossEntropyPullback(
        Tensor(shape: [3], scalars: [1, .infinity, .nan]), targets: targets,
        logNormalizer: logNormalizer)
      #expect(d_logits.scalars.dropFirst(2) == [0, 0, 0, 0])
      #expect(d_logits.scalars[0] > 0 && d_logits.scalars[1] < 0)
    }
  }

  @Test func trapsOnTargetsOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).crossEntropy(targets: [0, 3])
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).crossEntropy(targets: [0])
    }
  }
}

/// Random targets; about a third of them ignored, never the first.
private func targets(
  _ count: Int, below vocabulary: Int, using values: inout SeededValues
) -> [Int32] {
  let ignored = values.integers(count, below: 3)
  return values.integers(count, below: vocabulary).enumerated().map {
    $0 > 0 && ignored[$0] == 0 ? -1 : $1
  }
}

private func losses(rows: Int, vocabulary: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let targets = targets(rows, below: vocabulary, using: &values)
  let logits = values.floats(rows * vocabulary, in: -20...20)
  return KernelCall(
    "losses of [\(rows), \(vocabulary)], seed \(seed)", inputs: [logits],
    // Each difference to the largest logit is rounded once, an error of exp's argument that counts
    // by its weight; then exp, the sum, log (two), its sum with the largest logit, and the loss's
    // difference, each on both sides or rounded by the reference.
    accuracy: .bounded { expected in
      let normalizerBounds = (0..<rows).map { row in
        let logits = logits[row * vocabulary..<(row + 1) * vocabulary].map(Double.init)
        let largest = logits.max()!
        let weights = logits.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        let spread = zip(logits, weights).reduce(0) { $0 + (largest - $1.0) * $1.1 } / sum
        return Rounding.error(Exponential.roundings + Rounding.ofDot(vocabulary))
          + Rounding.unit * (spread + 2 * log(sum) + 2 * Double(abs(expected[1][row])))
      }
      let lossBounds = zip(normalizerBounds, expected[0]).map {
        $0 + 2 * Rounding.unit * Double($1)
      }
      return [lossBounds, normalizerBounds]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_cross_entropy(
      rows: rows, vocabulary: vocabulary, logits: arrays.input(inputs[0]),
      targets: arrays.input(targets), losses: arrays.output(rows),
      log_normalizer: arrays.output(rows))
    lmn_cross_entropy_forward(context, &arguments)
  }
}

private func pullback(rows: Int, vocabulary: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let targets = targets(rows, below: vocabulary, using: &values)
  let logits = values.floats(rows * vocabulary, in: -20...20)
  let cotangent = values.floats(rows)
  let logNormalizer = (0..<rows).map { row in
    Float(log(logits[row * vocabulary..<(row + 1) * vocabulary].reduce(0) { $0 + exp(Double($1)) }))
  }
  return KernelCall(
    "losses' pullback of [\(rows), \(vocabulary)], seed \(seed)",
    inputs: [logits, logNormalizer, cotangent],
    // The rounded difference is exp's argument; then there are exp, the product, and at the target
    // the difference to the cotangent itself.
    accuracy: .bounded { _ in
      [
        logits.indices.map { index in
          let row = index / vocabulary
          let exponent = Double(logits[index]) - Double(logNormalizer[row])
          let relative = Rounding.error(Exponential.roundings + 3) + Rounding.unit * abs(exponent)
          let isTarget = Int(targets[row]) == index % vocabulary
          return Double(abs(cotangent[row]))
            * (exp(exponent) * relative + (isTarget ? Rounding.error(2) : 0))
        }
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_cross_entropy_grad(
      rows: rows, vocabulary: vocabulary, logits: arrays.input(inputs[0]),
      targets: arrays.input(targets), log_normalizer: arrays.input(inputs[1]),
      d_losses: arrays.input(inputs[2]), d_logits: arrays.output(rows * vocabulary))
    lmn_cross_entropy_backward(context, &arguments)
  }
}
