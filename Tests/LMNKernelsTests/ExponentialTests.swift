import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// The exponential of the tuned kernels.
///
/// It has no function of its own; the backward pass of cross-entropy with a log-normalizer of 0 and
/// a cotangent of 1 is exp, but at the targets.
enum Exponential {
  /// Largest error, in units in the last place (each at most two roundings).
  static let ulps = 1.0
  static let roundings = 2

  static func of(_ x: [Float], on instructionSet: InstructionSet) -> [Float] {
    let weights = GuardedArguments.results { arrays in
      var arguments = lmn_cross_entropy_grad(
        rows: 1, vocabulary: x.count + 1, logits: arrays.input([0] + x),
        targets: arrays.input([0] as [Int32]), log_normalizer: arrays.input([0] as [Float]),
        d_losses: arrays.input([1] as [Float]), d_logits: arrays.output(x.count + 1))
      lmn_cross_entropy_backward(instructionSet.context(), &arguments)
    }
    return Array(weights[0].dropFirst())
  }
}

@Suite struct ExponentialTests {
  @Test(arguments: InstructionSet.available)
  func isExactToOneUlp(_ instructionSet: InstructionSet) {
    // Even steps, and both sides of each border of the reduction, an odd multiple of ln 2 / 2.
    let even = (0...200_000).map { -87 + 175 * Float($0) / 200_000 }
    let borders = (-126...126).flatMap { n in
      let border = Float((Double(n) + 0.5) * log(2.0))
      return [border.nextDown, border, border.nextUp]
    }
    let tiny: [Float] = [
      0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1e-38, -1e-38, 1e-8, -1e-8, 3e-8,
      -6e-8,
    ]
    let x = (even + borders + tiny).filter { (-87...88).contains($0) }
    var (worst, place) = (0.0, Float.nan)
    for (x, y) in zip(x, Exponential.of(x, on: instructionSet)) {
      let exact = exp(Double(x))
      let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
      if !(error <= worst) { (worst, place) = (error, x) }
    }
    #expect(worst <= Exponential.ulps, "at \(place)")
  }

  @Test(arguments: InstructionSet.tuned)
  func staysNormalAndKeepsNotANumber(_ instructionSet: InstructionSet) {
    let low = Exponential.of(
      [-87.3, -87.4, -100, -1e30, -.infinity], on: instructionSet)
    #expect(low.allSatisfy { $0 == low[0] && $0.isNormal })
    let high = Exponential.of([88, 88.1, 1000, .infinity], on: instructionSet)
    #expect(high.allSatisfy { $0 == high[0] && $0.isNormal })
    #expect(Exponential.of([0, -0.0], on: instructionSet) == [1, 1])
    let kept = Exponential.of([.nan, 0, -.nan, 1], on: instructionSet).map(\.isNaN)
    #expect(kept == [true, false, true, false])
  }
}

/// The logarithm of the tuned kernels.
///
/// It has no function of its own either. Where all scores are 0, the log-normalizer of an attention
/// is the logarithm of the number of slots, a sum without rounding.
@Suite struct LogarithmTests {
  @Test(arguments: InstructionSet.tuned)
  func isExactToOneUlp(_ instructionSet: InstructionSet) {
    var (worst, place) = (0.0, 0)
    for slots in Array(1...1030) + stride(from: 1031, through: 20_000, by: 401) {
      // The second token sees itself and a node per bank.
      let tree = slots > 1 ? Tree(length: 2, banks: slots - 1) : Tree(length: 1, banks: 1)
      let queries = Tensor(shape: [tree.rowCount, 2], repeating: 0)
      let keys = Tensor(shape: [tree.length, 1], repeating: 0)
      let y = computing(on: instructionSet) {
        queries.singleVectorAttention(keys: keys, seeing: AttentionView(of: tree, heads: 1))
          .logNormalizer.scalars.last!
      }
      let exact = log(Double(slots))
      let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
      if !(error <= worst) { (worst, place) = (error, slots) }
    }
    #expect(worst <= 1, "of \(place)")
  }
}
