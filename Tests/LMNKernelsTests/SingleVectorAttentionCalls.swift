import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// Error bounds of attention over inputs in -size...size.
///
/// A softmax is not a polynomial: its exponents' absolute errors are its weights' relative ones.
struct AttentionBounds {
  let heads, headWidth, slots: Int
  /// Whether an input is added to the scores.
  var isBiased = false
  /// Whether one more input is added to the scores.
  var isGated = false
  /// The largest input.
  var size = 1.0
  /// Whether scores are exponents of two: the scale is multiplied by log₂ e, and a log-normalizer
  /// too; the sum with the largest score has a product.
  var isBinary = false

  /// Roundings of a dot: a head's features are one chain, or several whose sums are folded.
  var dotRoundings: Int { headWidth + 4 }

  /// The largest dot of two inputs: D products, over the root of D.
  var largestDot: Double { size * size * Double(headWidth).squareRoot() }

  /// Number of inputs that are added to a score.
  private var terms: Int { (isBiased ? 1 : 0) + (isGated ? 1 : 0) }

  /// The largest score.
  var score: Double { largestDot + Double(terms) * size }

  /// Error of a score: the dot, the scale's two and its product, and the sums with bias and gate.
  var scoreError: Double {
    Rounding.error(dotRoundings + 3 + terms + (isBinary ? 3 : 0)) * score
  }

  /// Relative error of a weight: its score, the rounded difference to the largest score or to the
  /// log-normalizer, which is at most twice a score plus the logarithm of the slots, and exp.
  ///
  /// Terms of second order are less than a hundredth.
  var weightError: Double {
    1.01
      * (scoreError + Rounding.unit * (isBinary ? 3 : 1) * (2 * score + log(Double(slots)))
        + Rounding.error(Exponential.roundings))
  }

  /// Roundings of a sum of weights: one addition per slot, folding, and per block one product, one
  /// sum and an exp to change to a new largest score.
  var sumRoundings: Int {
    slots + 4 + slots / min(64, 1024 / heads) * (2 + Exponential.roundings + Int(4 * score))
  }

  /// Error of the output: weights in numerator and denominator, their sums, the inverse, its
  /// product and the reference's rounding.
  var outputError: Double { size * (2 * weightError + Rounding.error(2 * sumRoundings + 3)) }

  /// Error of the log-normalizer: the weights' sum, log (two) and its sum with the largest score,
  /// which both sides round.
  var logNormalizerError: Double {
    let logarithm = log(Double(slots))
    return scoreError + weightError + Rounding.error(sumRoundings)
      + Rounding.unit * (2 * logarithm + 2 * (score + logarithm))
  }

  /// The largest cotangent of a score: a difference of two dots of D products, over the root of D.
  var scoreCotangent: Double { 2 * largestDot }

  /// Relative error of a score's cotangent: its weight, two dots and their difference, two products
  /// and the scale's two.
  var scoreCotangentError: Double {
    weightError + 1.01 * Rounding.error(2 * dotRoundings + 5)
  }
}

extension Tree {
  /// Largest number of slots of a level that a position sees, in all banks.
  func mostSlots(onLevel level: Int) -> Int {
    let places = shape.showsWaiting(onLevel: level) ? shape.arity - 1 : 1
    return places * (level == 0 ? 1 : shape.banks * self.level(level).slots)
  }

  /// Largest number of slots that a position sees.
  var mostSlots: Int { (0...levels).map(mostSlots).reduce(0, +) }

  /// The level of each row.
  var rowLevels: [Int] { heights.map { levels - $0 } }

  /// Largest number of positions that see a node of a level: the tokens of the node, or of its
  /// parent.
  func audience(ofLevel level: Int) -> Int {
    let levels = shape.showsWaiting(onLevel: level) ? level + 1 : level
    return (0..<levels).reduce(1) { span, _ in min(length, span * shape.arity) }
  }
}

func attention(
  over tree: Tree, heads: Int, headWidth: Int, isBiased: Bool = false, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let width = heads * headWidth
  let bounds = AttentionBounds(
    heads: heads, headWidth: headWidth, slots: tree.mostSlots, isBiased: isBiased)
  return KernelCall(
    "attention over \(tree), \(heads) heads of \(headWidth), "
      + "\(isBiased ? "level bias, " : "")seed \(seed)",
    inputs: [
      values.floats(tree.rowCount * 2 * width), values.floats(tree.length * width),
      values.floats(isBiased ? (tree.shape.maximumLevels + 1) * heads : 0),
    ],
    accuracy: .bounded { expected in
      [
        expected[0].map { _ in bounds.outputError },
        expected[1].map { _ in bounds.logNormalizerError },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_single_vector_attention(
      tree: tree.part, width: width, heads: heads, slots: arrays.input(inputs[0]),
      keys: arrays.input(inputs[1]), bias: isBiased ? arrays.input(inputs[2]) : nil,
      output: arrays.output(tree.length * width),
      log_normalizer: arrays.output(tree.length * heads))
    lmn_single_vector_attention_forward(context, &arguments)
  }
}

func attentionPullback(
  over tree: Tree, heads: Int, headWidth: Int, isBiased: Bool = false, seed: UInt64 = 1
) -> KernelCall {
  let forward = attention(
    over: tree, heads: heads, headWidth: headWidth, isBiased: isBiased, seed: seed)
  let results = forward.results(in: InstructionSet.reference.context())
  var values = SeededValues(seed: seed + 1)
  let width = heads * headWidth
  let bounds = AttentionBounds(
    heads: heads, headWidth: headWidth, slots: tree.mostSlots, isBiased: isBiased)
  let (rowLevels, biases) = (tree.rowLevels, (tree.shape.maximumLevels + 1) * heads)
  let units = lmn_single_vector_attention_units(tree.part)
  let function: @Sendable (lmn_context, GuardedArguments, [[Float]]) -> Void = {
    context, arrays, inputs in
    let partialRows = lmn_single_vector_attention_partial_rows(tree.part)
    let partial = GuardedBuffer([Float](repeating: .nan, count: partialRows * 2 * width))
    let partialBias = GuardedBuffer(
      [Float](repeating: .nan, count: isBiased ? units * biases : 0))
    var arguments = lmn_single_vector_attention_grad(
      tree: tree.part, width: width, heads: heads, slots: arrays.input(inputs[0]),
      keys: arrays.input(inputs[1]), bias: isBiased ? arrays.input(inputs[2]) : nil,
      output: arrays.input(inputs[3]), log_normalizer: arrays.input(inputs[4]),
      d_output: arrays.input(inputs[5]), d_keys: arrays.output(tree.length * width),
      d_slots: arrays.output(tree.rowCount * 2 * width), partial: partial.base,
      d_bias: isBiased ? arrays.output(biases) : nil, partial_bias: partialBias.base)
    lmn_single_vector_attention_backward(context, &arguments)
    #expect(partial.hasIntactMargins && partialBias.hasIntactMargins)
  }
  let inputs = forward.inputs + results + [values.floats(tree.length * width)]
  return KernelCall(
    "attention's pullback over \(tree), \(heads) heads of \(headWidth), "
      + "\(isBiased ? "level bias, " : "")seed \(seed)",
    inputs: inputs,
    // Sums over slots or positions of weights, or scores' cotangents, times at most 1. A position's
    // weights add up to 1. Those of a node follow from the reference itself: a cotangent of ones
    // gives the sum of the weights to its value.
    accuracy: .bounded { expected in
      let ones = [Float](repeating: 1, count: tree.length * width)
      let weights = GuardedArguments.results {
        function(InstructionSet.reference.context(), $0, inputs.dropLast() + [ones])
      }[1]
      let d_keys =
        bounds.scoreCotangent * (bounds.scoreCotangentError + Rounding.error(tree.mostSlots + 1))
      let d_slots = expected[1].indices.map { index in
        let (row, feature) = (index / (2 * width), index % (2 * width))
        let sum = Rounding.error(tree.audience(ofLevel: rowLevels[row]) + 1)
        let weight = Double(weights[row * 2 * width + width + feature % width])
        return feature < width
          ? weight * bounds.scoreCotangent * (bounds.scoreCotangentError + sum)
          : weight * (bounds.weightError + sum)
      }
      guard isBiased else { return [expected[0].map { _ in d_keys }, d_slots] }
      // A bias is added to the scores of all of a level's slots. Their cotangents, without the
      // root of D, are taken from those with it; sums are cut at up to 16 positions, slots of a
      // unit, which has at most 81 positions, and units.
      var d_bias = [Double](repeating: 0, count: biases)
      for (row, level) in rowLevels.enumerated() {
        let sum = Rounding.error(16 + 81 * tree.mostSlots(onLevel: level) + units + 3)
        for head in 0..<heads {
          d_bias[level * heads + head] +=
            Double(weights[row * 2 * width + width + head]) * 2 * Double(headWidth)
            * (bounds.scoreCotangentError + sum)
        }
      }
      return [expected[0].map { _ in d_keys }, d_slots, d_bias]
    }, function: function)
}

func attentionStep(
  counts: [Int], heads: Int, headWidth: Int, isBiased: Bool = false, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let width = heads * headWidth
  return KernelCall(
    "step over \(counts) slots, \(heads) heads of \(headWidth), "
      + "\(isBiased ? "biases, " : "")seed \(seed)",
    inputs: [values.floats(counts.count * width)] + counts.map { values.floats($0 * 2 * width) }
      + (isBiased ? counts.map { values.floats($0 * heads) } : []),
    accuracy: .bounded { expected in
      let bounds = counts.flatMap { count in
        let bounds = AttentionBounds(
          heads: heads, headWidth: headWidth, slots: count, isBiased: isBiased)
        return repeatElement(bounds.outputError, count: width)
      }
      return [bounds]
    }
  ) { context, arrays, inputs in
    let arrayOfEach: [UnsafePointer<Float>?] = inputs.dropFirst().map { arrays.input($0) }
    arrayOfEach.withUnsafeBufferPointer { arrayOfEach in
      counts.withUnsafeBufferPointer { counts in
        var arguments = lmn_single_vector_attention_step(
          streams: counts.count, width: width, heads: heads, slots: arrayOfEach.baseAddress,
          biases: isBiased ? arrayOfEach.baseAddress! + counts.count : nil,
          counts: counts.baseAddress, keys: arrays.input(inputs[0]),
          output: arrays.output(counts.count * width))
        lmn_single_vector_attention_step_forward(context, &arguments)
      }
    }
  }
}
