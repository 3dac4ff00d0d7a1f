import LMNLayers
import LMNMemories
import LMNTestSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The definition, slot by slot and in double precision.
///
/// Every node of the tree is made, every position gathers what it sees and attends to it. Parameters
/// are those of the published code, under its names and in its layouts.
struct PlainLogarithmicMemory {
  private let heads, banks, width: Int
  private let parameters: [String: [Double]]

  init(_ memory: LogarithmicMemory) {
    (heads, banks, width) = (memory.heads, memory.banks, memory.width)
    let dictionary = memory.published(memory.stateDictionary, under: "")
    parameters = Dictionary(
      uniqueKeysWithValues: zip(dictionary.names, dictionary.tensors.map(\.doubles)))
  }

  func callAsFunction(_ tokens: [Double]) -> [Double] {
    let y = stride(from: 0, to: tokens.count, by: width).map { Array(tokens[$0..<$0 + width]) }
    let trees = (0..<banks).map { tree(of: y, bank: $0) }
    return y.indices.flatMap { t in
      var slots = [y[t]]
      var level = 1
      while t + 1 >= 1 << level {
        slots += trees.map { $0[level][((t + 1) >> level) - 1] }
        level += 1
      }
      return affine(attend(y[t], to: slots), by: "out_proj", rows: 0..<width)
    }
  }

  /// Level by level; node j of level i has children 2j and 2j + 1 on level i − 1.
  private func tree(of y: [[Double]], bank: Int) -> [[[Double]]] {
    var levels = [y]
    while levels.last!.count > 1 {
      let below = levels.last!
      levels.append(
        (0..<below.count / 2).map { node(of: below[2 * $0], below[2 * $0 + 1], bank: bank) })
    }
    return levels
  }

  private func node(of left: [Double], _ right: [Double], bank: Int) -> [Double] {
    guard let scale = parameters["summarizer.depthwise.weight"] else {
      return affine(left + right, by: "summarizer", bank: bank)
    }
    let shift = parameters["summarizer.depthwise.bias"]!
    let mixed = (0..<width).map { e in
      let channel = bank * width + e
      return scale[2 * channel] * left[e] + scale[2 * channel + 1] * right[e] + shift[channel]
    }
    return affine(mixed, by: "summarizer.pointwise", bank: bank)
  }

  private func attend(_ y: [Double], to slots: [[Double]]) -> [Double] {
    let key = affine(y, by: "qkv", rows: width..<2 * width)
    let queries = slots.map { affine($0, by: "qkv", rows: 0..<width) }
    let values = slots.map { affine($0, by: "qkv", rows: 2 * width..<3 * width) }
    let size = width / heads
    return (0..<heads).flatMap { head in
      let features = head * size..<(head + 1) * size
      let weights = queries.map { query in
        exp(features.reduce(0) { $0 + query[$1] * key[$1] } / Double(size).squareRoot())
      }
      let normalizer = weights.reduce(0, +)
      return features.map { feature in
        zip(weights, values).reduce(0) { $0 + $1.0 / normalizer * $1.1[feature] }
      }
    }
  }

  /// Some rows of an affine map whose weight is [outputs, inputs].
  private func affine(_ x: [Double], by name: String, rows: Range<Int>) -> [Double] {
    let (weight, bias) = (parameters[name + ".weight"]!, parameters[name + ".bias"]!)
    return rows.map { row in
      x.indices.reduce(bias[row]) { $0 + weight[row * x.count + $1] * x[$1] }
    }
  }

  /// A bank's affine map; its weight is [inputs, outputs].
  private func affine(_ x: [Double], by name: String, bank: Int) -> [Double] {
    let (weight, bias) = (parameters[name + ".weight"]!, parameters[name + ".bias"]!)
    return (0..<width).map { e in
      x.indices.reduce(bias[bank * width + e]) { sum, k in
        sum + x[k] * weight[(bank * x.count + k) * width + e]
      }
    }
  }
}
