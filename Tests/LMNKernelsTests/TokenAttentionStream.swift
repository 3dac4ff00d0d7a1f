import LMNKernels
import LMNTestSupport

/// A stream whose tokens are its keys, with a window, pinned tokens and biases according to shape
/// and `places`; all values follow from the seed.
struct TokenAttentionStream {
  let shape: TreeShape
  let length, places, width, heads: Int
  let summary: RandomSummary
  let tokens, scores, gates: Tensor
  let queryValue, queryValueBias: Tensor
  let levelBias, windowBias: Tensor?

  init(
    _ shape: TreeShape, _ kind: RandomSummary.Kind, length: Int, places: Int, width: Int = 8,
    heads: Int = 2, hasLevelBias: Bool = true, hasWindowBias: Bool = true, seed: UInt64 = 1
  ) {
    self.shape = shape
    self.length = length
    self.places = places
    self.width = width
    self.heads = heads
    summary = RandomSummary(kind, of: shape, width: width, seed: seed)
    tokens = .random([length, width], seed: seed + 1).scaled(by: 0.5)
    scores = .random([length, 1], seed: seed + 2)
    gates = .random([length, 1], seed: seed + 3).scaled(by: 0.5)
    queryValue = .random([width, 2 * width], seed: seed + 4)
      .scaled(by: 0.5 / Float(width).squareRoot())
    queryValueBias = .random([2 * width], seed: seed + 5).scaled(by: 0.5)
    levelBias =
      hasLevelBias
      ? .random([shape.maximumLevels + 1, heads], seed: seed + 6).scaled(by: 0.5) : nil
    windowBias =
      hasWindowBias && shape.window > 0
      ? .random([shape.window, heads], seed: seed + 7).scaled(by: 0.5) : nil
  }

  /// The pinned tokens, with their scores and gates.
  struct Pins {
    var tokens, scores, gates: Tensor

    func rows(at rows: [Int]) -> Pins {
      Pins(
        tokens: tokens.rows(at: rows), scores: scores.rows(at: rows), gates: gates.rows(at: rows))
    }

    static func + (left: Pins, right: Pins) -> Pins {
      Pins(
        tokens: .concatenatingRows([left.tokens, right.tokens]),
        scores: .concatenatingRows([left.scores, right.scores]),
        gates: .concatenatingRows([left.gates, right.gates]))
    }
  }

  /// One part in parallel form.
  struct Part {
    let tree: Tree
    let nodes, output: Tensor
    /// Pinned tokens after the part.
    let pins: Pins
  }

  /// Consecutive parts of the given lengths.
  func parts(_ lengths: [Int]) -> [Part] {
    var pins = Pins(
      tokens: Tensor(shape: [places, width], repeating: 0),
      scores: Tensor(shape: [places, 1], repeating: -.infinity),
      gates: Tensor(shape: [places, 1], repeating: 0))
    let streamed = StreamedTree.parts(lengths, of: tokens, shape: shape) {
      summary.nodes(of: $1, tokens: $0, carried: $2)
    }
    return streamed.map { part in
      let own = part.tree.start..<part.tree.start + part.tree.length
      let slots = self.slots(of: .concatenatingRows([part.nodes, pins.tokens]))
      var tokenAttentions: [(tokenAttention: TokenAttention, gates: Tensor?, bias: Tensor?)] = []
      if shape.window > 0 { tokenAttentions.append((.window(of: part.tree), nil, windowBias)) }
      if places > 0 {
        let seen =
          pins + Pins(tokens: tokens.rows(own), scores: scores.rows(own), gates: gates.rows(own))
        let (tokenAttention, pinned) = TokenAttention.pinned(
          scores: seen.scores, count: places, in: part.tree)
        tokenAttentions.append((tokenAttention, seen.gates, nil))
        pins = seen.rows(at: pinned.elements.map(Int.init))
      }
      let view = AttentionView(
        of: part.tree, heads: heads, levelBias: levelBias, beside: tokenAttentions)
      let output = slots.singleVectorAttention(keys: tokens.rows(own), seeing: view).output
      return Part(tree: part.tree, nodes: part.nodes, output: output, pins: pins)
    }
  }

  func outputs(of lengths: [Int]) -> Tensor { .concatenatingRows(parts(lengths).map(\.output)) }

  /// Query, then value, of rows `[M, E]`.
  func slots(of rows: Tensor) -> Tensor { rows.matmul(queryValue, bias: queryValueBias) }
}
