import Foundation
import LMNKernels
import LMNTestSupport

@testable import LMNMemories

/// The equations of a slot memory, in plain loops and double precision.
struct SlotDefinition {
  private let width, heads, segment, slots: Int
  private let temperature: Double
  private let forgets: Bool
  private let projection, bias, positionBias, write, forgetting, map, offset: [Double]

  init(_ memory: SlotMemory) {
    (width, heads) = (memory.width, memory.settings.heads)
    (segment, slots) = (memory.settings.segment, memory.settings.slots)
    (temperature, forgets) = (Double(memory.settings.temperature), memory.settings.forgetting)
    projection = memory.projectionWeight.value.doubles
    bias = memory.projectionBias.value.doubles
    positionBias = memory.positionBias.value.doubles
    write = memory.writer.weight.value.doubles
    forgetting = memory.writer.forgetting.value.doubles
    (map, offset) = (memory.output.weight.value.doubles, memory.output.bias.value.doubles)
  }

  private var headWidth: Int { width / heads }

  /// Outputs of all tokens `[L, E]`, and the slots after them.
  func outputs(of tokens: Tensor) -> (outputs: [Double], slots: [Double]) {
    let length = tokens.shape[0]
    let rows = (0..<length).map { t in Array(tokens.doubles[t * width..<(t + 1) * width]) }
    var memory = (0..<slots).map { i in
      normed(Array(forgetting[i * width..<(i + 1) * width]))
    }
    var outputs: [Double] = []
    for t in 0..<length {
      let first = t / segment * segment
      outputs += output(of: t - first, in: Array(rows[first...t]), memory)
      if (t + 1).isMultiple(of: segment) {
        memory = memory.indices.map { rewritten($0, memory[$0], by: Array(rows[first...t])) }
      }
    }
    return (outputs, memory.flatMap { $0 })
  }

  /// The output of token i of a segment, of which `tokens` are there.
  private func output(of i: Int, in tokens: [[Double]], _ memory: [[Double]]) -> [Double] {
    let seen = memory + tokens
    let query = mapped(tokens[i], projection, part: 0, bias)
    let keys = seen.map { mapped($0, projection, part: 1, bias) }
    let values = seen.map { mapped($0, projection, part: 2, bias) }
    var attended = [Double](repeating: 0, count: width)
    for head in 0..<heads {
      let scores = seen.indices.map { z in
        dot(query, keys[z], head) / Double(headWidth).squareRoot()
          + (z < slots ? 0 : positionBias[head * segment + i - (z - slots)])
      }
      add(softmax(scores), values, head, to: &attended)
    }
    return (0..<width).map { row in
      offset[row] + (0..<width).reduce(0) { $0 + attended[$1] * map[row * width + $1] }
    }
  }

  private func rewritten(_ i: Int, _ slot: [Double], by tokens: [[Double]]) -> [Double] {
    let query = mapped(slot, write, part: 0)
    let keys = ([slot] + tokens).map { mapped($0, write, part: 1) }
    let values = [slot] + tokens.map { mapped($0, write, part: 2) }
    var sum = (0..<width).map { forgets ? forgetting[i * width + $0] : 0 }
    for head in 0..<heads {
      let scores = keys.map {
        dot(query, $0, head) / (Double(headWidth).squareRoot() * temperature)
      }
      add(softmax(scores), values, head, to: &sum)
    }
    return normed(sum)
  }

  private func mapped(
    _ x: [Double], _ weight: [Double], part: Int, _ bias: [Double]? = nil
  ) -> [Double] {
    (part * width..<(part + 1) * width).map { row in
      (0..<width).reduce(bias?[row] ?? 0) { $0 + x[$1] * weight[row * width + $1] }
    }
  }

  private func dot(_ a: [Double], _ b: [Double], _ head: Int) -> Double {
    (head * headWidth..<(head + 1) * headWidth).reduce(0) { $0 + a[$1] * b[$1] }
  }

  private func add(
    _ weights: [Double], _ values: [[Double]], _ head: Int, to sum: inout [Double]
  ) {
    for feature in head * headWidth..<(head + 1) * headWidth {
      sum[feature] += zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[feature] }
    }
  }

  private func softmax(_ scores: [Double]) -> [Double] {
    let exponentials = scores.map { exp($0 - scores.max()!) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  private func normed(_ u: [Double]) -> [Double] {
    let square = u.reduce(0) { $0 + $1 * $1 } / Double(width)
    return u.map { $0 / (square + 0x1p-23).squareRoot() }
  }
}
