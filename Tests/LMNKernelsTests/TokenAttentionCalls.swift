import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// Table of the tokens that the positions of a part see, by index.
struct TokenAttentionTable: CustomStringConvertible {
  let description: String
  let tokens, places: Int
  /// Tokens of each position, in order.
  let seen: [[Int]]

  /// Tokens of each position in `places` places; unused places are negative.
  var seenPlaces: [Int32] {
    seen.flatMap { tokens in
      tokens.map(Int32.init) + [Int32](repeating: -1, count: places - tokens.count)
    }
  }

  /// First position that sees each token, and the one after the last; both 0 for none.
  var audience: [Int32] {
    var audience = [Int32](repeating: 0, count: 2 * tokens)
    for (position, tokens) in seen.enumerated() {
      for token in tokens {
        if audience[2 * token + 1] == 0 { audience[2 * token] = Int32(position) }
        audience[2 * token + 1] = Int32(position + 1)
      }
    }
    return audience
  }

  /// The window by its definition: every position sees the last tokens before its own.
  ///
  /// Tokens are the rows of level 0.
  static func window(of tree: Tree) -> TokenAttentionTable {
    let first = tree.level(0).first
    return TokenAttentionTable(
      description: "window of \(tree)", tokens: tree.level(0).rows.count,
      places: tree.shape.window,
      seen: (tree.start..<tree.start + tree.length).map { position in
        (max(0, position - tree.shape.window)..<position).map { $0 - first }
      })
  }

  /// Pinned tokens by their definition: a token replaces the first one of the lowest score if its
  /// own score is higher; an empty place has the score −∞.
  static func pinned(
    scores: [Float], places: Int
  ) -> (table: TokenAttentionTable, pinned: [Int?]) {
    var pinned = (0..<places).map { scores[$0] > -.infinity ? $0 : nil }
    let seen = (places..<scores.count).map { token in
      defer {
        let held = pinned.map { $0.map { scores[$0] } ?? -.infinity }
        let worst = held.firstIndex(of: held.min()!)!
        if scores[token] > held[worst] { pinned[worst] = token }
      }
      return pinned.compactMap { $0 }
    }
    let table = TokenAttentionTable(
      description: "\(places) pins of \(scores.count - places)", tokens: scores.count,
      places: places, seen: seen)
    return (table, pinned)
  }

  /// Tokens that are seen by random ranges of positions.
  static func random(tokens: Int, length: Int, seed: UInt64) -> TokenAttentionTable {
    var values = SeededValues(seed: seed)
    let audiences = (0..<tokens).map { _ in
      values.integers(2, below: length + 1).map(Int.init).sorted()
    }
    let seen = (0..<length).map { position in
      (0..<tokens).filter { (audiences[$0][0]..<audiences[$0][1]).contains(position) }
        .shuffled(using: &values)
    }
    return TokenAttentionTable(
      description: "\(tokens) tokens, \(length) positions", tokens: tokens,
      places: seen.map(\.count).max()! + 1, seen: seen)
  }
}

/// Rows of the tokens' slots: every third of an array, backwards.
private func attendedRows(_ table: TokenAttentionTable) -> [Int32] {
  (0..<table.tokens).map { Int32(3 * (table.tokens - 1 - $0) + 1) }
}

/// Terms that are added to the scores of tokens.
struct TokenAttentionTerms: CustomStringConvertible {
  var isGated = false
  var isBiased = false

  static let all = [(false, false), (true, false), (false, true), (true, true)].map {
    TokenAttentionTerms(isGated: $0, isBiased: $1)
  }

  var description: String { (isGated ? "gates, " : "") + (isBiased ? "bias, " : "") }
}

/// The slots before count as one more, whose score is a log-normalizer in -1...1.
private func bounds(
  _ table: TokenAttentionTable, heads: Int, headWidth: Int, _ terms: TokenAttentionTerms
) -> AttentionBounds {
  AttentionBounds(
    heads: heads, headWidth: headWidth, slots: 1 + table.places, isBiased: true,
    isGated: terms.isGated && terms.isBiased)
}

func tokenAttention(
  _ table: TokenAttentionTable, heads: Int, headWidth: Int, _ terms: TokenAttentionTerms,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (width, length) = (heads * headWidth, table.seen.count)
  let bounds = bounds(table, heads: heads, headWidth: headWidth, terms)
  let (rows, seen) = (attendedRows(table), table.seenPlaces)
  return KernelCall(
    "token attention of \(table), \(heads) heads of \(headWidth), \(terms)seed \(seed)",
    inputs: [
      values.floats(3 * table.tokens * 2 * width),
      values.floats(terms.isGated ? table.tokens : 0),
      values.floats(terms.isBiased ? table.places * heads : 0),
      values.floats(length * width), values.floats(length * width),
      values.floats(length * heads),
    ],
    accuracy: .bounded { expected in
      [
        expected[0].map { _ in bounds.outputError },
        expected[1].map { _ in bounds.logNormalizerError },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_token_attention(
      length: length, width: width, heads: heads, tokens: table.tokens, places: table.places,
      rows: arrays.input(rows), seen: arrays.input(seen), slots: arrays.input(inputs[0]),
      gates: terms.isGated ? arrays.input(inputs[1]) : nil,
      bias: terms.isBiased ? arrays.input(inputs[2]) : nil, keys: arrays.input(inputs[3]),
      output: arrays.updated(inputs[4]), log_normalizer: arrays.updated(inputs[5]))
    lmn_token_attention_forward(context, &arguments)
  }
}

func tokenAttentionPullback(
  _ table: TokenAttentionTable, heads: Int, headWidth: Int, _ terms: TokenAttentionTerms,
  seed: UInt64 = 1
) -> KernelCall {
  let forward = tokenAttention(table, heads: heads, headWidth: headWidth, terms, seed: seed)
  let results = forward.results(in: InstructionSet.reference.context())
  var values = SeededValues(seed: seed + 1)
  let (width, length) = (heads * headWidth, table.seen.count)
  let bounds = bounds(table, heads: heads, headWidth: headWidth, terms)
  let (units, biases) = (lmn_token_attention_units(length), table.places * heads)
  let (rows, seen, audience) = (attendedRows(table), table.seenPlaces, table.audience)
  let function: @Sendable (lmn_context, GuardedArguments, [[Float]]) -> Void = {
    context, arrays, inputs in
    let partialBias = GuardedBuffer(
      [Float](repeating: .nan, count: terms.isBiased ? units * biases : 0))
    var arguments = lmn_token_attention_grad(
      length: length, width: width, heads: heads, tokens: table.tokens, places: table.places,
      rows: arrays.input(rows), seen: arrays.input(seen), audience: arrays.input(audience),
      slots: arrays.input(inputs[0]), gates: terms.isGated ? arrays.input(inputs[1]) : nil,
      bias: terms.isBiased ? arrays.input(inputs[2]) : nil,
      keys: arrays.input(inputs[3]), output: arrays.input(inputs[4]),
      log_normalizer: arrays.input(inputs[5]), d_output: arrays.input(inputs[6]),
      d_keys: arrays.updated(inputs[7]), d_slots: arrays.updated(inputs[8]),
      d_gates: terms.isGated ? arrays.output(table.tokens) : nil,
      d_bias: terms.isBiased ? arrays.output(biases) : nil, partial_bias: partialBias.base)
    lmn_token_attention_backward(context, &arguments)
    #expect(partialBias.hasIntactMargins)
  }
  let slotValues = 3 * table.tokens * 2 * width
  let inputs =
    Array(forward.inputs.prefix(4)) + results
    + [length * width, length * width, slotValues].map { values.floats($0) }
  return KernelCall(
    "token attention's pullback of \(table), \(heads) heads of \(headWidth), "
      + "\(terms)seed \(seed)",
    inputs: inputs,
    // As for the attention itself, added to values in -1...1. The sum of a token's weights is the
    // cotangent of its value for a cotangent of ones, added to zero.
    accuracy: .bounded { expected in
      let ones = [Float](repeating: 1, count: length * width)
      let weights = GuardedArguments.results {
        let zeros = [Float](repeating: 0, count: slotValues)
        function(InstructionSet.reference.context(), $0, inputs.prefix(6) + [ones, ones, zeros])
      }[1]
      let d_keys =
        bounds.scoreCotangent * bounds.scoreCotangentError
        + (1 + bounds.scoreCotangent) * Rounding.error(table.places + 2)
      let d_slots = expected[1].indices.map { index in
        let (row, feature) = (index / (2 * width), index % (2 * width))
        let weight = Double(weights[row * 2 * width + width + feature % width])
        // Rows without a token are unchanged.
        if row % 3 != 1 { return 0.0 }
        let sum = Rounding.error(length + 2)
        return feature < width
          ? weight * bounds.scoreCotangent * bounds.scoreCotangentError
            + (1 + weight * bounds.scoreCotangent) * sum
          : weight * bounds.weightError + (1 + weight) * sum
      }
      let d_gates = rows.map { row in
        let sum = (0..<heads).reduce(0.0) {
          $0 + Double(weights[Int(row) * 2 * width + width + $1])
        }
        return sum * 2 * Double(headWidth)
          * (bounds.scoreCotangentError + Rounding.error(length + heads + 4))
      }
      // A bias is added to the scores of one place. The cotangents of these are the weights for
      // values whose products with a cotangent of ones are 1, and outputs of zero; sums are cut at
      // up to 32 positions and units.
      let unitSlots = inputs[0].indices.map { index in
        index / width % 2 == 0 ? inputs[0][index] : 1 / Float(headWidth)
      }
      let placeWeights = GuardedArguments.results {
        let zeros = [Float](repeating: 0, count: length * width)
        function(
          InstructionSet.reference.context(), $0,
          [unitSlots] + inputs[1...3] + [zeros, inputs[5], ones, zeros] + inputs[8...8])
      }.last!
      let d_bias = placeWeights.map {
        Double($0) * 2 * Double(headWidth)
          * (bounds.scoreCotangentError + Rounding.error(32 + units + 3))
      }
      return [expected[0].map { _ in d_keys }, d_slots] + (terms.isGated ? [d_gates] : [])
        + (terms.isBiased ? [d_bias] : [])
    }, function: function)
}
