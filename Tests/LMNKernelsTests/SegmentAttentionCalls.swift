import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// Sizes of a chunk with attention within segments.
struct SegmentChunk: Sendable, CustomStringConvertible {
  /// Tokens with a query, and tokens of the first segment before them.
  var length: Int, before = 0
  var segment: Int, slots = 0
  var heads = 1, headWidth = 8
  var isCausal = true, hasTokens = true, hasBias = true
  /// Tokens of each segment; nil for all.
  var counts: [Int32]?

  var width: Int { heads * headWidth }
  var rows: Int { before + length }
  var segments: Int { (rows + segment - 1) / segment }
  var distances: Int { isCausal ? segment : 2 * segment - 1 }
  var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// A query's keys are tiles of up to 96, anew after the slots and at the block of queries, whose
  /// own keys are two tiles.
  var bounds: AttentionBounds {
    AttentionBounds(
      heads: 1, headWidth: headWidth, slots: 64 * ((slots + segment) / 64 + 6), isBiased: hasBias,
      isBinary: true)
  }

  /// Queries, slots, tokens and biases.
  func inputs(using values: inout SeededValues) -> [[Float]] {
    [
      values.floats(length * width), values.floats(segments * slots * 2 * width),
      values.floats(hasTokens ? rows * 2 * width : 0),
      values.floats(hasTokens && hasBias ? heads * distances : 0),
    ]
  }

  var description: String {
    "\(length) tokens after \(before), segments of \(segment), \(slots) slots, \(heads) heads of "
      + "\(headWidth)\(isCausal ? ", causal" : "")\(hasTokens ? "" : ", no tokens")"
      + "\(hasBias ? "" : ", no bias")\(counts.map { ", counts \($0)" } ?? "")"
  }
}

func segmentAttention(_ chunk: SegmentChunk, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let c = chunk
  return KernelCall(
    "segment attention of \(chunk), seed \(seed)", inputs: chunk.inputs(using: &values),
    accuracy: .bounded { expected in
      [
        expected[0].map { _ in c.bounds.outputError },
        expected[1].map { _ in c.bounds.logNormalizerError },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_segment_attention(
      length: c.length, before: c.before, segment: c.segment, slots: c.slots, width: c.width,
      heads: c.heads, is_causal: c.isCausal, scale: c.scale,
      counts: c.counts.map { arrays.input($0) }, queries: arrays.input(inputs[0]),
      slot_kv: arrays.input(inputs[1]), token_kv: c.hasTokens ? arrays.input(inputs[2]) : nil,
      bias: c.hasBias && c.hasTokens ? arrays.input(inputs[3]) : nil,
      output: arrays.output(c.length * c.width), log_normalizer: arrays.output(c.length * c.heads))
    lmn_segment_attention_forward(context, &arguments)
  }
}

func segmentAttentionPullback(_ chunk: SegmentChunk, seed: UInt64 = 1) -> KernelCall {
  let forward = segmentAttention(chunk, seed: seed)
  let results = forward.results(in: InstructionSet.reference.context())
  var values = SeededValues(seed: seed + 1)
  let c = chunk
  let function: @Sendable (lmn_context, GuardedArguments, [[Float]]) -> Void = {
    context, arrays, inputs in
    var arguments = lmn_segment_attention_grad(
      length: c.length, before: c.before, segment: c.segment, slots: c.slots, width: c.width,
      heads: c.heads, is_causal: c.isCausal, scale: c.scale,
      counts: c.counts.map { arrays.input($0) }, queries: arrays.input(inputs[0]),
      slot_kv: arrays.input(inputs[1]), token_kv: c.hasTokens ? arrays.input(inputs[2]) : nil,
      bias: c.hasBias && c.hasTokens ? arrays.input(inputs[3]) : nil,
      output: arrays.input(inputs[4]), log_normalizer: arrays.input(inputs[5]),
      d_output: arrays.input(inputs[6]), d_queries: arrays.output(inputs[0].count),
      d_slot_kv: arrays.output(inputs[1].count), d_token_kv: arrays.output(inputs[2].count),
      d_bias: arrays.output(inputs[3].count))
    lmn_segment_attention_backward(context, &arguments)
  }
  let inputs = forward.inputs + results + [values.floats(c.length * c.width)]
  return KernelCall(
    "segment attention's pullback of \(chunk), seed \(seed)", inputs: inputs,
    // Sums over queries of weights, or scores' cotangents, times at most 1. The weights of a query
    // add up to 1; those of a key follow from the reference itself: a cotangent of ones gives the
    // sum of the weights to its value.
    accuracy: .bounded { expected in
      let bounds = c.bounds
      let ones = [Float](repeating: 1, count: c.length * c.width)
      let weights = GuardedArguments.results {
        function(InstructionSet.reference.context(), $0, inputs.dropLast() + [ones])
      }
      let audience = min(c.length, c.segment)
      let sum = Rounding.error(min(64, audience) + audience / 64 + 2)
      let ofKey: Double = bounds.scoreCotangent * (bounds.scoreCotangentError + sum)
      let ofValue: Double = bounds.weightError + sum
      func ofRows(_ weights: [Float]) -> [Double] {
        weights.indices.map { index -> Double in
          let isKey = index / c.width % 2 == 0
          return Double(weights[isKey ? index + c.width : index]) * (isKey ? ofKey : ofValue)
        }
      }
      let ofQuery: Double =
        bounds.scoreCotangent * (bounds.scoreCotangentError + Rounding.error(bounds.slots + 2))
      // A bias has one pair per query at most, and the cotangent of a score without its scale; a
      // segment's pairs are one chain, whose sum is added to that of other segments.
      let chain: Double = Rounding.error(c.segment + c.segments + 1)
      let most: Double = Double(c.length) * bounds.scoreCotangent / Double(c.scale)
      let ofBias: Double = most * (bounds.scoreCotangentError + chain)
      return [
        expected[0].map { _ in ofQuery },
        ofRows(weights[1]), ofRows(weights[2]), expected[3].map { _ in ofBias },
      ]
    }, function: function)
}

/// A step of one stream per position, with caches of random values.
func segmentAttentionStep(
  at positions: [Int64], segment: Int, slots: Int, heads: Int, headWidth: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (width, places) = (heads * headWidth, Int(LMN_CACHE_CHUNK))
  let chunkCount = (slots + segment + places - 1) / places
  return KernelCall(
    "step at \(positions), segments of \(segment), \(slots) slots, \(heads) heads of \(headWidth), "
      + "seed \(seed)",
    inputs: [values.floats(positions.count * 3 * width), values.floats(heads * segment)]
      + (0..<positions.count * chunkCount).map { _ in values.floats(2 * width * places) },
    // Caches are copies.
    accuracy: .bounded { expected in
      let bounds = AttentionBounds(
        heads: 1, headWidth: headWidth, slots: 64 * chunkCount, isBiased: true, isBinary: true)
      return expected.dropLast().map { $0.map { _ in 0 } }
        + [expected.last!.map { _ in bounds.outputError }]
    }
  ) { context, arrays, inputs in
    let chunks: [UnsafeMutablePointer<Float>?] = inputs.dropFirst(2).map { arrays.updated($0) }
    chunks.withUnsafeBufferPointer { chunks in
      let lists: [UnsafePointer<UnsafeMutablePointer<Float>?>?] = positions.indices.map {
        chunks.baseAddress! + $0 * chunkCount
      }
      lists.withUnsafeBufferPointer { lists in
        positions.withUnsafeBufferPointer { positions in
          var arguments = lmn_segment_attention_step(
            streams: positions.count, segment: segment, slots: slots, width: width, heads: heads,
            scale: 1 / Float(headWidth).squareRoot(), positions: positions.baseAddress,
            qkv: arrays.input(inputs[0]), bias: arrays.input(inputs[1]),
            caches: lists.baseAddress, output: arrays.output(positions.count * width))
          lmn_segment_attention_step_forward(context, &arguments)
        }
      }
    }
  }
}
