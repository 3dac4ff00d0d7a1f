import LMN

extension KernelBenchmark {
  /// All nodes of a sequence, and their gradients, by both summarizers.
  func measureTrees() {
    for shape in TreeShape.all {
      measurePairwiseSummary(shape)
      measureSeparableConv(shape)
    }
  }

  private func measurePairwiseSummary(_ shape: TreeShape) {
    let (tree, e, k) = (shape.tree, shape.width, shape.banks)
    let (x, nodes, dNodes) = (
      random(shape.length, e), random(tree.rowCount, e), random(tree.rowCount, e)
    )
    let (carried, weight, bias) = (random(0, e), random(k, 2 * e, e), random(k, e))
    measure("pairwiseSummary.forward \(shape)", .pairwiseSummary(of: shape)) {
      _ = x.pairwiseSummary(of: tree, carried: carried, weight: weight, bias: bias)
    }
    measure("pairwiseSummary.backward \(shape)", .pairwiseSummaryBackward(of: shape)) {
      _ = nodes.pairwiseSummaryPullback(dNodes, of: tree, weight: weight)
    }
  }

  private func measureSeparableConv(_ shape: TreeShape) {
    let (tree, e, k) = (shape.tree, shape.width, shape.banks)
    let (x, nodes, dNodes) = (
      random(shape.length, e), random(tree.rowCount, e), random(tree.rowCount, e)
    )
    let (carried, taps) = (random(0, e), random(k, 3, e))
    let (pointwise, bias, mixed) = (random(k, e, e), random(k, e), random(tree.rowCount, e))
    measure("separableConv.forward \(shape)", .separableConv(of: shape)) {
      _ = x.separableConv(of: tree, carried: carried, taps: taps, pointwise: pointwise, bias: bias)
    }
    measure("separableConv.backward \(shape)", .separableConvBackward(of: shape)) {
      _ = nodes.separableConvPullback(
        dNodes, of: tree, mixed: mixed, taps: taps, pointwise: pointwise)
    }
  }

  /// Attention of all positions of a sequence.
  func measureAttention() {
    for shape in TreeShape.all {
      let (tree, e, l) = (shape.tree, shape.width, shape.length)
      let (slots, keys, dOutput) = (random(tree.rowCount, 2 * e), random(l, e), random(l, e))
      let (output, logNormalizer) = ExecutionContext.$current.withValue(context) {
        slots.singleVectorAttention(keys: keys, of: tree, heads: shape.heads)
      }
      measure("singleVectorAttention.forward \(shape)", .attention(of: shape)) {
        _ = slots.singleVectorAttention(keys: keys, of: tree, heads: shape.heads)
      }
      measure("singleVectorAttention.backward \(shape)", .attentionBackward(of: shape)) {
        _ = slots.singleVectorAttentionPullback(
          dOutput, keys: keys, output: output, logNormalizer: logNormalizer, of: tree)
      }
    }
  }
}
