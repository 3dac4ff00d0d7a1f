import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
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
    let values: [Double] = tokens.doubles
    let length = tokens.shape[0]
    var memory: [[Double]] = (0..<slots).map { normed(row($0, of: forgetting)) }
    var outputs: [Double] = []
    var open: [[Double]] = []
    for t in 0..<length {
      open.append(row(t, of: values))
      outputs += output(of: open, memory)
      if open.count == segment {
        memory = memory.indices.map { rewritten($0, memory[$0], by: open) }
        open = []
      }
    }
    return (outputs, Array(memory.joined()))
  }

  private func row(_ index: Int, of matrix: [Double]) -> [Double] {
    Array(matrix[index * width..<(index + 1) * width])
  }

  /// The output of the last token of an open segment.
  private func output(of tokens: [[Double]], _ memory: [[Double]]) -> [Double] {
    let seen: [[Double]] = memory + tokens
    let query = mapped(tokens.last!, projection, part: 0, bias)
    let keys: [[Double]] = seen.map { mapped($0, projection, part: 1, bias) }
    let values: [[Double]] = seen.map { mapped($0, projection, part: 2, bias) }
    var attended = [Double](repeating: 0, count: width)
    for head in 0..<heads {
      var scores: [Double] = []
      for (place, key) in keys.enumerated() {
        var score: Double = dot(query, key, head) / Double(headWidth).squareRoot()
        if place >= slots { score += positionBias[head * segment + seen.count - 1 - place] }
        scores.append(score)
      }
      add(softmax(scores), values, head, to: &attended)
    }
    return product(attended, map, from: 0, offset)
  }

  private func rewritten(_ i: Int, _ slot: [Double], by tokens: [[Double]]) -> [Double] {
    let query = mapped(slot, write, part: 0)
    let keys: [[Double]] = ([slot] + tokens).map { mapped($0, write, part: 1) }
    let values: [[Double]] = [slot] + tokens.map { mapped($0, write, part: 2) }
    var sum = forgets ? row(i, of: forgetting) : [Double](repeating: 0, count: width)
    let divisor: Double = Double(headWidth).squareRoot() * temperature
    for head in 0..<heads {
      let scores: [Double] = keys.map { dot(query, $0, head) / divisor }
      add(softmax(scores), values, head, to: &sum)
    }
    return normed(sum)
  }

  private func mapped(
    _ x: [Double], _ weight: [Double], part: Int, _ bias: [Double]? = nil
  ) -> [Double] {
    product(x, weight, from: part * width, bias)
  }

  /// Products with E rows of a matrix from `first` on, plus biases.
  private func product(
    _ x: [Double], _ weight: [Double], from first: Int, _ bias: [Double]?
  ) -> [Double] {
    var products: [Double] = []
    for index in first..<first + width {
      var sum: Double = bias?[index] ?? 0
      for feature in 0..<width { sum += x[feature] * weight[index * width + feature] }
      products.append(sum)
    }
    return products
  }

  private func dot(_ a: [Double], _ b: [Double], _ head: Int) -> Double {
    var sum: Double = 0
    for feature in head * headWidth..<(head + 1) * headWidth { sum += a[feature] * b[feature] }
    return sum
  }

  private func add(
    _ weights: [Double], _ values: [[Double]], _ head: Int, to sum: inout [Double]
  ) {
    for (weight, value) in zip(weights, values) {
      for feature in head * headWidth..<(head + 1) * headWidth {
        sum[feature] += weight * value[feature]
      }
    }
  }

  private func softmax(_ scores: [Double]) -> [Double] {
    let largest: Double = scores.max()!
    let exponentials: [Double] = scores.map { exp($0 - largest) }
    let sum: Double = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  private func normed(_ u: [Double]) -> [Double] {
    var square: Double = 0
    for value in u { square += value * value / Double(width) }
    let size: Double = (square + 0x1p-23).squareRoot()
    return u.map { $0 / size }
  }
}
