import LMN

extension KernelBenchmark {
  /// Times both summarizers, and expansion, on all nodes of a sequence, forward and backward.
  func measureTrees() {
    for tree in BenchmarkTree.all {
      measureAffineSummary(tree)
      measureSeparableConv(tree)
    }
    for tree in BenchmarkTree.growing { measureExpansion(tree) }
  }

  private func measureAffineSummary(_ work: BenchmarkTree) {
    measureAffineSummary(
      work, "affineSummary", expansion: nil, .affineSummary(of: work),
      .affineSummaryBackward(of: work))
  }

  /// Times an affine summary with expansion.
  private func measureExpansion(_ work: BenchmarkTree) {
    let (e, g) = (work.width, work.shape.expansion)
    measureAffineSummary(
      work, "expansion", expansion: Expansion(weight: random(1 + g, e, e), bias: random(e)),
      .affineSummary(of: work) + .expansion(of: work),
      .affineSummaryBackward(of: work) + .expansionBackward(of: work))
  }

  private func measureAffineSummary(
    _ work: BenchmarkTree, _ name: String, expansion: Expansion?, _ forward: Cost, _ backward: Cost
  ) {
    let (tree, e, k) = (work.tree, work.width, work.shape.banks)
    let (x, carried, dNodes) = (random(work.length, e), random(0, e), random(tree.rowCount, e))
    let (weight, bias) = (random(k, work.shape.arity * e, e), random(k, e))
    let summary = Summary.affine(weight: weight, bias: bias)
    measure("\(name).forward \(work)", forward) {
      _ = summary.nodes(of: tree, tokens: x, carried: carried, expansion: expansion)
    }
    let (nodes, grown, _) = ExecutionContext.$current.withValue(context) {
      summary.nodes(of: tree, tokens: x, carried: carried, expansion: expansion)
    }
    measure("\(name).backward \(work)", backward) {
      _ = nodes.affineSummaryPullback(
        dNodes, of: tree, grown: grown, weight: weight, expansion: expansion)
    }
  }

  private func measureSeparableConv(_ work: BenchmarkTree) {
    let (tree, e, k) = (work.tree, work.width, work.shape.banks)
    let (x, nodes, dNodes) = (
      random(work.length, e), random(tree.rowCount, e), random(tree.rowCount, e)
    )
    let (carried, taps) = (random(0, e), random(k, work.shape.arity + 1, e))
    let (pointwise, bias, mixed) = (random(k, e, e), random(k, e), random(tree.rowCount, e))
    let grown = random(0, e)
    let summary = Summary.separable(taps: taps, pointwise: pointwise, bias: bias)
    measure("separableConv.forward \(work)", .separableConv(of: work)) {
      _ = summary.nodes(of: tree, tokens: x, carried: carried)
    }
    measure("separableConv.backward \(work)", .separableConvBackward(of: work)) {
      _ = nodes.separableConvPullback(
        dNodes, of: tree, grown: grown, mixed: mixed, taps: taps, pointwise: pointwise)
    }
  }

  /// Times attention of all positions of a sequence, to the tree alone, and to window and pinned
  /// tokens too.
  func measureAttention() {
    for work in BenchmarkTree.all {
      measureAttention(
        work, "singleVectorAttention", AttentionView(of: work.tree, heads: work.heads),
        .attention(of: work), .attentionBackward(of: work))
    }
    for work in BenchmarkTree.attendingToTokens {
      let (tree, places) = (work.tree, work.shape.window)
      // Increasing scores: every token is pinned until later ones replace it.
      let scores = Tensor(
        shape: [places + work.length],
        scalars: (0..<places + work.length).map { $0 < places ? -.infinity : Float($0) })
      let pinned = TokenAttention.pinned(scores: scores, count: places, in: tree).tokenAttention
      measureAttention(
        work, "tokenAttention",
        AttentionView(
          of: tree, heads: work.heads,
          beside: [(.window(of: tree), nil, nil), (pinned, random(scores.count), nil)]),
        .attention(of: work) + .tokenAttention(of: work, places: 2 * places),
        .attentionBackward(of: work) + .tokenAttentionBackward(of: work, places: 2 * places))
    }
  }

  private func measureAttention(
    _ work: BenchmarkTree, _ name: String, _ view: AttentionView, _ forward: Cost, _ backward: Cost
  ) {
    let (e, l) = (work.width, work.length)
    // Slots of the tree, then of the tokens that were pinned before.
    let slots = random(work.tree.rowCount + work.shape.window, 2 * e)
    let (keys, dOutput) = (random(l, e), random(l, e))
    let (output, logNormalizer) = ExecutionContext.$current.withValue(context) {
      slots.singleVectorAttention(keys: keys, seeing: view)
    }
    measure("\(name).forward \(work)", forward) {
      _ = slots.singleVectorAttention(keys: keys, seeing: view)
    }
    measure("\(name).backward \(work)", backward) {
      _ = slots.singleVectorAttentionPullback(
        dOutput, keys: keys, output: output, logNormalizer: logNormalizer, seeing: view)
    }
  }
}
