import LMN

/// Shape of a sequence and its tree, for benchmarks of summaries and attention.
struct BenchmarkTree: CustomStringConvertible {
  let length, width, heads: Int
  let shape: TreeShape

  var tree: Tree { Tree(length: length, shape: shape) }

  var description: String {
    let (r, g, w) = (shape.arity, shape.expansion, shape.window)
    return "L \(length), E \(width), K \(shape.banks), H \(heads)" + (r == 2 ? "" : ", r \(r)")
      + (g == 0 ? "" : ", g \(g)") + (w == 0 ? "" : ", window \(w)")
      + (shape.visibility == .latest ? "" : ", \(shape.visibility)")
  }

  private init(length: Int, width: Int, banks: Int, heads: Int) {
    self.init(length: length, width: width, heads: heads, shape: TreeShape(banks: banks))
  }

  private init(length: Int, width: Int, heads: Int, shape: TreeShape) {
    self.length = length
    self.width = width
    self.heads = heads
    self.shape = shape
  }

  /// A tiny tree, those of the three networks, and a disjoint one of arity 4.
  static let all = [
    BenchmarkTree(length: 4, width: E, banks: K, heads: H),
    BenchmarkTree(length: L, width: E, banks: K, heads: H),
    BenchmarkTree(length: L, width: 256, banks: 2, heads: 8),
    BenchmarkTree(length: 4096, width: 256, banks: 4, heads: 8),
    BenchmarkTree(
      length: L, width: E, heads: H,
      shape: TreeShape(banks: K, arity: 4, visibility: .disjoint)),
  ]

  /// Trees with expansion.
  static let growing = [4, L].map {
    BenchmarkTree(length: $0, width: E, heads: H, shape: TreeShape(banks: K, expansion: 1))
  }

  /// Trees with windows, for attention to windows and pinned tokens.
  static let attendingToTokens = [4, L].map {
    BenchmarkTree(length: $0, width: E, heads: H, shape: TreeShape(banks: K, window: 16))
  }
}
