internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Attention weights of a logarithmic memory over a text from its beginning, which its kernels do not
/// keep.
///
/// For memories without expansion, window and pinned tokens, whose newest node of every level is
/// visible.
struct AttentionWeights {
  /// Slot that a token attends to.
  struct Slot {
    /// Level in the tree; 0 is the token itself.
    let level: Int
    /// Row of the nodes.
    let row: Int
    /// Weight by head.
    let weights: [Double]
  }

  /// Slots of every token.
  let slots: [[Slot]]

  /// The weights of a memory; nil for one with other slots.
  ///
  /// - Parameters:
  ///   - memory: The memory.
  ///   - tokens: `[L, E]`, the first L tokens of a stream.
  init?(of memory: LogarithmicMemory, over tokens: Variable) {
    let shape = memory.shape
    guard shape.expansion == 0, shape.window == 0, memory.pinning == nil,
      shape.visibility == .latest
    else { return nil }
    let (width, heads) = (memory.width, memory.heads)
    let length = tokens.value.shape[0]
    let tree = Tree(length: length, shape: shape)
    let nodes = memory.summarizer.nodes(
      of: tree, tokens: tokens, carried: memory.initialState["nodes"], expansion: nil)
    let queries = memory.queryValue(nodes).value.scalars
    let keys = memory.key(tokens).value.scalars
    let bias = memory.levelBias?.value.scalars
    let scale = 1 / Double(width / heads).squareRoot()

    func scores(_ token: Int, _ row: Int, level: Int) -> [Double] {
      (0..<heads).map { head in
        // The features of head h are those congruent to h modulo H.
        let (key, query) = (token * width + head, row * 2 * width + head)
        var sum = 0.0
        for index in stride(from: 0, to: width, by: heads) {
          sum += Double(queries[query + index]) * Double(keys[key + index])
        }
        return sum * scale + (bias.map { Double($0[level * heads + head]) } ?? 0)
      }
    }
    slots = (0..<length).map { token in
      let rows = Self.rows(at: token, of: tree)
      let scores = rows.map { scores(token, $0.row, level: $0.level) }
      let exponentials = (0..<heads).map { head in
        let most = scores.map { $0[head] }.max() ?? 0
        return scores.map { exp($0[head] - most) }
      }
      let sums = exponentials.map { $0.reduce(0, +) }
      return rows.enumerated().map { index, slot in
        Slot(
          level: slot.level, row: slot.row,
          weights: (0..<heads).map { exponentials[$0][index] / sums[$0] })
      }
    }
  }

  /// The token, and the newest node of every level and bank.
  private static func rows(at token: Int, of tree: Tree) -> [(level: Int, row: Int)] {
    var rows = [(level: 0, row: tree.level(0).rows.lowerBound + token)]
    var (level, finished) = (1, (token + 1) / tree.shape.arity)
    while finished > 0 && level <= tree.levels {
      for bank in 0..<tree.shape.banks {
        rows.append((level, tree.level(level, bank: bank).rows.lowerBound + finished - 1))
      }
      (level, finished) = (level + 1, finished / tree.shape.arity)
    }
    return rows
  }

  /// Mean weight of each level over the tokens from `first` on and the heads, and the share of
  /// slots that it has, which it would get if all weights were equal.
  func mass(from first: Int) -> [(level: Int, mass: Double, share: Double)] {
    var (mass, share): ([Int: Double], [Int: Double]) = ([:], [:])
    let tokens = slots.dropFirst(first)
    for slots in tokens {
      for slot in slots {
        let weight = slot.weights.reduce(0, +) / Double(slot.weights.count)
        mass[slot.level, default: 0] += weight / Double(tokens.count)
        share[slot.level, default: 0] += 1 / Double(slots.count * tokens.count)
      }
    }
    return mass.keys.sorted().map { ($0, mass[$0] ?? 0, share[$0] ?? 0) }
  }
}
