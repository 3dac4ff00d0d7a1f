import LMN

/// A sequence whose tree is built and attended to.
struct TreeShape: CustomStringConvertible {
  let length, width, banks, heads: Int

  var tree: Tree { Tree(length: length, banks: banks) }

  var description: String { "L \(length), E \(width), K \(banks), H \(heads)" }

  /// A tiny one, and those of the three networks.
  static let all = [
    TreeShape(length: 4, width: E, banks: K, heads: H),
    TreeShape(length: L, width: E, banks: K, heads: H),
    TreeShape(length: L, width: 256, banks: 2, heads: 8),
    TreeShape(length: 4096, width: 256, banks: 4, heads: 8),
  ]
}
