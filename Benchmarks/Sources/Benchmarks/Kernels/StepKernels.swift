import LMN

extension KernelBenchmark {
  /// Times decode steps of one stream, of 64, and of one with width 256.
  func measureSteps() {
    for (streams, width, heads) in [(1, E, H), (64, E, H), (1, 256, 8)] {
      measureSteps(streams: streams, width: width, heads: heads)
    }
  }

  /// Times the steps of trees, 64 together since steps complete different numbers of nodes, and of
  /// attention.
  private func measureSteps(streams: Int, width e: Int, heads: Int) {
    let shape = "\(streams) streams, E \(e), K \(K), H \(heads)"
    let (tokens, queryValue, queryValueBias) = (random(streams, e), random(e, 2 * e), random(2 * e))
    let bias = random(K, e)
    let affine = Summary.affine(weight: random(K, 2 * e, e), bias: bias)
    let separable = Summary.separable(
      taps: random(K, 3, e), pointwise: random(K, e, e), bias: bias)
    func step(_ trees: StreamTrees, at positions: PositionBuffer, _ summary: Summary) {
      trees.step(
        tokens, at: positions, summary: summary, expansion: nil, queryValue: queryValue,
        queryValueBias: queryValueBias, levelBias: nil)
      positions.advance()
    }
    func positions() -> PositionBuffer {
      PositionBuffer(repeatElement(Int64(Self.position), count: streams))
    }
    for (name, summary, operations) in [
      ("affineSummary", affine, 4 * e * e), ("separableConv", separable, 2 * e * e + 4 * e),
    ] {
      let (trees, positions) = (trees(streams: streams, width: e, heads: heads), positions())
      measure(
        "\(name).step \(shape)",
        .treeStep(streams: streams, width: e, banks: K, summary: operations), runs: 64
      ) { step(trees, at: positions, summary) }
    }

    let (still, keys) = (trees(streams: streams, width: e, heads: heads), random(streams, e))
    // The state at a position p has the slots that the token before it saw.
    let slots = Tree(start: Self.position, length: 1, banks: K).carriedRows.count
    // The step writes the slots that the attention reads.
    step(still, at: positions(), affine)
    measure(
      "singleVectorAttention.step \(shape)",
      .attentionStep(streams: streams, width: e, heads: heads, slots: slots)
    ) { _ = keys.singleVectorAttention(over: still) }
  }

  /// Number of tokens that streams have read.
  private static var position: Int { 1024 }

  private func trees(streams: Int, width: Int, heads: Int) -> StreamTrees {
    let trees = StreamTrees(
      streams: streams, width: width, heads: heads, shape: TreeShape(banks: K))
    let rows = Tree(start: Self.position, length: 1, banks: K).carriedRows.count
    let state = StreamTreeState(
      nodes: random(rows, width), pinned: random(0, width), pinnedScores: random(0, 1))
    let slots = random(rows, 2 * width)
    for stream in 0..<streams {
      trees.load(
        stream, state, at: Self.position, slots: slots, gates: nil, levelBias: nil)
    }
    return trees
  }
}
