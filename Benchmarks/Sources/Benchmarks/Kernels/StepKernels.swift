import LMN

extension KernelBenchmark {
  /// A token of every stream: of one, of many, of one that is wide.
  func measureSteps() {
    for (streams, width, heads) in [(1, E, H), (64, E, H), (1, 256, 8)] {
      measureSteps(streams: streams, width: width, heads: heads)
    }
  }

  /// Nodes are made, queried and kept by 64 steps that are timed as one, since they finish
  /// different numbers of nodes.
  private func measureSteps(streams: Int, width e: Int, heads: Int) {
    let shape = "\(streams) streams, E \(e), K \(K), H \(heads)"
    let (tokens, queryValue, queryValueBias) = (random(streams, e), random(e, 2 * e), random(2 * e))
    let (weight, bias) = (random(K, 2 * e, e), random(K, e))
    let pairwise = trees(streams: streams, width: e)
    measure(
      "pairwiseSummary.step \(shape)",
      .treeStep(streams: streams, width: e, banks: K, summary: 4 * e * e), runs: 64
    ) {
      pairwise.step(
        tokens, pairwiseSummary: weight, bias: bias, queryValue: queryValue,
        queryValueBias: queryValueBias)
    }
    let (taps, pointwise) = (random(K, 3, e), random(K, e, e))
    let separable = trees(streams: streams, width: e)
    measure(
      "separableConv.step \(shape)",
      .treeStep(streams: streams, width: e, banks: K, summary: 2 * e * e + 4 * e), runs: 64
    ) {
      separable.step(
        tokens, separableConv: taps, pointwise: pointwise, bias: bias, queryValue: queryValue,
        queryValueBias: queryValueBias)
    }

    let (still, keys) = (trees(streams: streams, width: e), random(streams, e))
    // The state at a position p has the slots that the token before it saw.
    let slots = Tree(start: Self.position, length: 1, banks: K).carriedRows.count
    // Trees learn what a position sees from a step.
    still.step(
      tokens, pairwiseSummary: weight, bias: bias, queryValue: queryValue,
      queryValueBias: queryValueBias)
    measure(
      "singleVectorAttention.step \(shape)",
      .attentionStep(streams: streams, width: e, heads: heads, slots: slots)
    ) { _ = keys.singleVectorAttention(over: still, heads: heads) }
  }

  /// Tokens that streams have taken.
  private static var position: Int { 1024 }

  private func trees(streams: Int, width: Int) -> StreamTrees {
    let trees = StreamTrees(streams: streams, width: width, banks: K)
    let rows = Tree(start: Self.position, length: 1, banks: K).carriedRows.count
    let (nodes, slots) = (random(rows, width), random(rows, 2 * width))
    for stream in 0..<streams {
      trees.load(stream, position: Self.position, nodes: nodes, slots: slots)
    }
    return trees
  }
}
