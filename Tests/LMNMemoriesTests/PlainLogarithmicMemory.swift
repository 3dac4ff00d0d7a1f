import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Definition of the logarithmic memory, slot by slot and in double precision.
///
/// All nodes of the tree are computed, and each position attends to its visible nodes. Parameters
/// have the names and layouts of the published code.
struct PlainLogarithmicMemory {
  private typealias Vector = [Double]
  /// The slots of a node.
  private typealias Node = [Vector]

  private let heads, width, pins: Int
  private let shape: TreeShape
  private let parameters: [String: [Double]]

  init(_ memory: LogarithmicMemory) {
    (heads, width, pins, shape) = (
      memory.heads, memory.width, memory.pinning?.count ?? 0, memory.shape
    )
    let dictionary = memory.published(memory.stateDictionary, under: "")
    parameters = Dictionary(
      uniqueKeysWithValues: zip(dictionary.names, dictionary.tensors.map(\.doubles)))
  }

  /// Visible part of the tree at position t: levels, and the indices of nodes on each.
  private func visibleNodes(at t: Int) -> [(level: Int, nodes: Range<Int>)] {
    var (view, level, finished) = ([(level: Int, nodes: Range<Int>)](), 0, t + 1)
    while finished > 0 && level <= shape.maximumLevels {
      let waiting = shape.visibility == .disjoint && level < shape.maximumLevels
      view.append((level, finished - (waiting ? finished % shape.arity : 1)..<finished))
      (level, finished) = (level + 1, finished / shape.arity)
    }
    return view
  }

  /// Whether position t attends to something that depends on a token.
  func sees(position t: Int, token: Int) -> Bool {
    if token == t || (t - shape.window..<t).contains(token) { return true }
    return visibleNodes(at: t).contains { level, nodes in
      let span = (0..<level).reduce(1) { span, _ in span * shape.arity }
      return (nodes.lowerBound * span..<nodes.upperBound * span).contains(token)
    }
  }

  func callAsFunction(_ tokens: [Double]) -> [Double] {
    let y = stride(from: 0, to: tokens.count, by: width).map { Array(tokens[$0..<$0 + width]) }
    let levels = tree(of: y)
    var pinned: [(token: Int, score: Double)] = []
    return y.indices.flatMap { t in
      var slots: [(vector: Vector, bias: [Double])] = []
      for (level, nodes) in visibleNodes(at: t) {
        let bias = parameters["level_bias"].map { Array($0[level * heads..<(level + 1) * heads]) }
        for bank in 0..<(level == 0 ? 1 : shape.banks) {
          for node in nodes {
            slots += levels[level][bank][node].map { ($0, bias ?? zeros) }
          }
        }
      }
      slots += (max(0, t - shape.window)..<t).map { token in
        let (bias, place) = (parameters["window_bias"], t - token - 1)
        return (y[token], bias.map { Array($0[place * heads..<(place + 1) * heads]) } ?? zeros)
      }
      slots += pinned.map { token, score in
        (y[token], zeros.map { _ in -log(1 + exp(-score)) })
      }
      pin(t, of: y, &pinned)
      return affine(attend(y[t], to: slots), by: "out_proj", rows: 0..<width)
    }
  }

  private var zeros: [Double] { [Double](repeating: 0, count: heads) }

  /// Pins token t in an empty place, or in place of the first token with the lowest score.
  private func pin(_ t: Int, of y: [Vector], _ pinned: inout [(token: Int, score: Double)]) {
    guard pins > 0 else { return }
    let score = affine(y[t], by: "pinning.score", rows: 0..<1)[0]
    guard pinned.count == pins else { return pinned.append((t, score)) }
    let worst = pinned.indices.min { pinned[$0].score < pinned[$1].score }!
    if score > pinned[worst].score { pinned[worst] = (t, score) }
  }

  /// Nodes by level and bank; node j of level i has children rj … rj + r − 1 on level i − 1.
  private func tree(of y: [Vector]) -> [[[Node]]] {
    var levels = [[[Node]](repeating: y.map { [$0] }, count: shape.banks)]
    while levels.last![0].count >= shape.arity && levels.count <= shape.maximumLevels {
      let grown = levels.last!.map { $0.map(grow) }
      levels.append(
        (0..<shape.banks).map { bank in
          (0..<grown[0].count / shape.arity).map { node in
            let children = grown.map { $0[node * shape.arity..<(node + 1) * shape.arity] }
            return children[0].first!.indices.map { slot in
              summary(of: children.map { $0.map { $0[slot] } }, bank: bank)
            }
          }
        })
    }
    return levels
  }

  /// Expansion: a transposed convolution over the slots.
  private func grow(_ node: Node) -> Node {
    guard let weight = parameters["expander.conv_transpose.weight"] else { return node }
    let (bias, taps) = (parameters["expander.conv_transpose.bias"]!, shape.expansion + 1)
    var grown = Node(repeating: bias, count: node.count + shape.expansion)
    for (slot, vector) in node.enumerated() {
      for tap in 0..<taps {
        for output in 0..<width {
          grown[slot + tap][output] += (0..<width).reduce(0) {
            $0 + vector[$1] * weight[($1 * width + output) * taps + tap]
          }
        }
      }
    }
    return grown
  }

  /// One slot of a node, from the same slot of its children in all banks.
  private func summary(of children: [[Vector]], bank: Int) -> Vector {
    let r = shape.arity
    if let scale = parameters["summarizer.depthwise.weight"] {
      let shift = parameters["summarizer.depthwise.bias"]!
      let mixed = (0..<width).map { e in
        let channel = bank * width + e
        return (0..<r).reduce(shift[channel]) {
          $0 + scale[channel * r + $1] * children[bank][$1][e]
        }
      }
      return affine(mixed, by: "summarizer.pointwise", bank: bank)
    }
    guard let weight = parameters["summarizer.conv.weight"] else {
      return affine(Array(children[bank].joined()), by: "summarizer", bank: bank)
    }
    let sources = weight.count / (shape.banks * width * width * r)
    let inputs = sources == 1 ? [children[bank]] : children
    return (0..<width).map { e in
      let output = bank * width + e
      var sum = parameters["summarizer.conv.bias"]![output]
      for (source, vectors) in inputs.enumerated() {
        for input in 0..<width {
          let channel = output * sources * width + source * width + input
          for child in 0..<r { sum += weight[channel * r + child] * vectors[child][input] }
        }
      }
      return sum
    }
  }

  private func attend(_ y: Vector, to slots: [(vector: Vector, bias: [Double])]) -> Vector {
    let key = affine(y, by: "qkv", rows: width..<2 * width)
    let queries = slots.map { affine($0.vector, by: "qkv", rows: 0..<width) }
    let values = slots.map { affine($0.vector, by: "qkv", rows: 2 * width..<3 * width) }
    let size = width / heads
    return (0..<heads).flatMap { head in
      let features = head * size..<(head + 1) * size
      let weights = zip(queries, slots).map { query, slot in
        exp(
          features.reduce(0) { $0 + query[$1] * key[$1] } / Double(size).squareRoot()
            + slot.bias[head])
      }
      let normalizer = weights.reduce(0, +)
      return features.map { feature in
        zip(weights, values).reduce(0) { $0 + $1.0 / normalizer * $1.1[feature] }
      }
    }
  }

  /// Some rows of an affine map with weight [outputs, inputs].
  private func affine(_ x: Vector, by name: String, rows: Range<Int>) -> Vector {
    let (weight, bias) = (parameters[name + ".weight"]!, parameters[name + ".bias"]!)
    return rows.map { row in
      x.indices.reduce(bias[row]) { $0 + weight[row * x.count + $1] * x[$1] }
    }
  }

  /// Affine map of a bank with weight [inputs, outputs].
  private func affine(_ x: Vector, by name: String, bank: Int) -> Vector {
    let (weight, bias) = (parameters[name + ".weight"]!, parameters[name + ".bias"]!)
    return (0..<width).map { e in
      x.indices.reduce(bias[bank * width + e]) { sum, k in
        sum + x[k] * weight[(bank * x.count + k) * width + e]
      }
    }
  }
}
