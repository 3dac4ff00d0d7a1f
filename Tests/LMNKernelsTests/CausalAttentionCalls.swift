import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// Sizes of a chunk with causal attention.
struct CausalChunk: Sendable, CustomStringConvertible {
  /// Tokens of the chunk and before it.
  var length: Int, before = 0
  /// Tokens before its own that a token attends to; nil for all.
  var window: Int?
  var heads = 1, headWidth = 8

  var width: Int { heads * headWidth }
  var kernelWindow: Int { window ?? .max }
  var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// Largest number of tokens that a token attends to.
  var mostSeen: Int { min(before + length, window.map { $0 + 1 } ?? .max) }

  /// A token's keys are cut into tiles of up to 96, anew at the chunk and at the block of queries,
  /// whose own keys are two tiles.
  var bounds: AttentionBounds {
    AttentionBounds(
      heads: 1, headWidth: headWidth, slots: 64 * (mostSeen / 64 + 4), isBinary: true)
  }

  var description: String {
    "\(length) tokens after \(before), \(heads) heads of \(headWidth), window "
      + (window.map(String.init) ?? "none")
  }
}

func causalAttention(_ chunk: CausalChunk, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (length, before, width) = (chunk.length, chunk.before, chunk.width)
  return KernelCall(
    "causal attention of \(chunk), seed \(seed)",
    inputs: [
      values.floats(length * 3 * width), values.floats(before * width),
      values.floats(before * width),
    ],
    accuracy: .bounded { expected in
      [
        expected[0].map { _ in chunk.bounds.outputError },
        expected[1].map { _ in chunk.bounds.logNormalizerError },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_causal_attention(
      length: length, width: width, heads: chunk.heads, before: before,
      window: chunk.kernelWindow, scale: chunk.scale, qkv: arrays.input(inputs[0]),
      keys_before: arrays.input(inputs[1]), values_before: arrays.input(inputs[2]),
      output: arrays.output(length * width), log_normalizer: arrays.output(length * chunk.heads))
    lmn_causal_attention_forward(context, &arguments)
  }
}

/// The pullback, with or without the cotangents of the tokens before the chunk.
func causalAttentionPullback(
  _ chunk: CausalChunk, reachingBack reachesBack: Bool = true, seed: UInt64 = 1
) -> KernelCall {
  let forward = causalAttention(chunk, seed: seed)
  let results = forward.results(in: InstructionSet.reference.context())
  var values = SeededValues(seed: seed + 1)
  let (length, before, width) = (chunk.length, chunk.before, chunk.width)
  let function: @Sendable (lmn_context, GuardedArguments, [[Float]]) -> Void = {
    context, arrays, inputs in
    var arguments = lmn_causal_attention_grad(
      length: length, width: width, heads: chunk.heads, before: before,
      window: chunk.kernelWindow, scale: chunk.scale, qkv: arrays.input(inputs[0]),
      keys_before: arrays.input(inputs[1]), values_before: arrays.input(inputs[2]),
      output: arrays.input(inputs[3]), log_normalizer: arrays.input(inputs[4]),
      d_output: arrays.input(inputs[5]), d_qkv: arrays.output(length * 3 * width),
      d_keys_before: reachesBack ? arrays.output(before * width) : nil,
      d_values_before: reachesBack ? arrays.output(before * width) : nil)
    lmn_causal_attention_backward(context, &arguments)
  }
  let inputs = forward.inputs + results + [values.floats(length * width)]
  return KernelCall(
    "causal attention's pullback of \(chunk), \(reachesBack ? "" : "not ")reaching back, seed \(seed)",
    inputs: inputs,
    // Sums over tokens of weights, or scores' cotangents, times at most 1. The weights of a query
    // add up to 1; those of a key follow from the reference itself: a cotangent of ones gives the
    // sum of the weights to its value.
    accuracy: .bounded { expected in
      let bounds = chunk.bounds
      let ones = [Float](repeating: 1, count: length * width)
      let weights = GuardedArguments.results {
        function(InstructionSet.reference.context(), $0, inputs.dropLast() + [ones])
      }
      let audience = min(length, chunk.window.map { $0 + 1 } ?? .max)
      // Tokens of a block are one chain, whose sum is added to that of other blocks.
      let sum = Rounding.error(min(64, audience) + audience / 64 + 2)
      func ofKey(_ weight: Float) -> Double {
        Double(weight) * bounds.scoreCotangent * (bounds.scoreCotangentError + sum)
      }
      func ofValue(_ weight: Float) -> Double { Double(weight) * (bounds.weightError + sum) }
      let d_qkv = expected[0].indices.map { index in
        switch index / width % 3 {
        case 0:
          bounds.scoreCotangent * (bounds.scoreCotangentError + Rounding.error(bounds.slots + 2))
        case 1: ofKey(weights[0][index + width])
        default: ofValue(weights[0][index])
        }
      }
      guard reachesBack else { return [d_qkv] }
      return [d_qkv, weights[2].map(ofKey), weights[2].map(ofValue)]
    }, function: function)
}

/// A step of one stream per position, with caches of random values.
func causalAttentionStep(
  at positions: [Int64], window: Int?, heads: Int, headWidth: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (width, places) = (heads * headWidth, Int(LMN_CACHE_CHUNK))
  let seen = positions.map { min(Int($0), window ?? .max) + 1 }
  let chunkCounts = positions.map { position in
    min(Int(position), window ?? .max) / places + 1
  }
  return KernelCall(
    "step at \(positions), window \(window.map(String.init) ?? "none"), "
      + "\(heads) heads of \(headWidth), seed \(seed)",
    inputs: [values.floats(positions.count * 3 * width)]
      + chunkCounts.flatMap { (0..<$0).map { _ in values.floats(2 * width * places) } },
    // Caches are copies.
    accuracy: .bounded { expected in
      let outputs = seen.flatMap { seen in
        let bounds = AttentionBounds(
          heads: 1, headWidth: headWidth, slots: 64 * (seen / 64 + 1), isBinary: true)
        return repeatElement(bounds.outputError, count: width)
      }
      return expected.dropLast().map { $0.map { _ in 0 } } + [outputs]
    }
  ) { context, arrays, inputs in
    let chunks: [UnsafeMutablePointer<Float>?] = inputs.dropFirst().map { arrays.updated($0) }
    chunks.withUnsafeBufferPointer { chunks in
      var lists: [UnsafePointer<UnsafeMutablePointer<Float>?>?] = []
      var first = 0
      for count in chunkCounts {
        lists.append(chunks.baseAddress! + first)
        first += count
      }
      lists.withUnsafeBufferPointer { lists in
        positions.withUnsafeBufferPointer { positions in
          var arguments = lmn_causal_attention_step(
            streams: positions.count, width: width, heads: heads, window: window ?? .max,
            scale: 1 / Float(headWidth).squareRoot(), positions: positions.baseAddress,
            qkv: arrays.input(inputs[0]), caches: lists.baseAddress,
            output: arrays.output(positions.count * width))
          lmn_causal_attention_step_forward(context, &arguments)
        }
      }
    }
  }
}
