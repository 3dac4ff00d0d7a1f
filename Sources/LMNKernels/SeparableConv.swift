internal import CLMN

extension Tensor {
  /// A tree's nodes by depthwise-separable convolution with kernel 2 and stride 2.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - carried: `[C, E]`, in the order of the tree's ``Tree/carriedRows``.
  ///   - taps: `[K, 3, E]`: per channel the factors of left and right child, and the bias.
  ///   - pointwise: `[K, E, E]`.
  ///   - bias: `[K, E]`.
  /// - Returns: `nodes` `[N, E]` for `self` of `[L, E]`, the tokens, and `mixed` `[N, E]`, the
  ///   depthwise result in the row of each new node.
  public func separableConv(
    of tree: Tree, carried: Tensor, taps: Tensor, pointwise: Tensor, bias: Tensor
  ) -> (nodes: Tensor, mixed: Tensor) {
    let (width, banks) = (shape[1], tree.banks)
    precondition(
      taps.shape == [banks, 3, width] && pointwise.shape == [banks, width, width]
        && bias.shape == [banks, width],
      """
      separableConv: tokens \(shape), taps \(taps.shape), pointwise \(pointwise.shape), \
      bias \(bias.shape), \(tree)
      """)
    let nodes = unfinishedNodes(of: tree, carried: carried)
    let mixed = Tensor(uninitialized: nodes.shape)
    ExecutionContext.current.run(
      lmn_separable_conv_forward,
      lmn_separable_conv(
        tree: tree.layout, width: width, taps: taps.base, pointwise: pointwise.base,
        bias: bias.base, nodes: nodes.output, mixed: mixed.output),
      on: taps, pointwise, bias, nodes, mixed)
    return (nodes, mixed)
  }

  /// Makes the new nodes of some levels in place, for `self` of `[N, E]` with everything below.
  func writeSeparableConvs(
    of tree: Tree, levels: ClosedRange<Int>, taps: Tensor, pointwise: Tensor, bias: Tensor
  ) {
    let mixed = Tensor(uninitialized: shape)
    let arguments = lmn_separable_conv(
      tree: tree.layout, width: shape[1], taps: taps.base, pointwise: pointwise.base,
      bias: bias.base, nodes: output, mixed: mixed.output)
    ExecutionContext.current.run(on: self, taps, pointwise, bias, mixed) { kernels in
      withUnsafePointer(to: arguments) { arguments in
        for level in levels {
          lmn_separable_conv_pairs_forward(
            kernels, arguments, lmn_tree_pairs_at(tree.layout, level))
        }
      }
    }
  }

  /// What the cotangent of a tree's nodes gives to its tokens and to the convolution's parameters.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - mixed: As ``separableConv(of:carried:taps:pointwise:bias:)`` returned it.
  ///   - taps: `[K, 3, E]`.
  ///   - pointwise: `[K, E, E]`.
  /// - Returns: `nodes` `[N, E]`, of which the rows of level 0 are the tokens' cotangents, `taps`,
  ///   `pointwise` and `bias`, for `self` of shape `[N, E]`, the nodes.
  public func separableConvPullback(
    _ cotangent: Tensor, of tree: Tree, mixed: Tensor, taps: Tensor, pointwise: Tensor
  ) -> (nodes: Tensor, taps: Tensor, pointwise: Tensor, bias: Tensor) {
    precondition(
      cotangent.shape == shape && mixed.shape == shape,
      "separableConvPullback: \(cotangent.shape) and mixed \(mixed.shape) of nodes \(shape)")
    let transposed = pointwise.transposed
    let d_nodes = cotangent.copied()
    let d_mixed = Tensor(uninitialized: shape)
    let d_taps = Tensor(uninitialized: taps.shape)
    let d_pointwise = Tensor(uninitialized: pointwise.shape)
    let d_bias = Tensor(uninitialized: [tree.banks, shape[1]])
    ExecutionContext.current.run(
      lmn_separable_conv_backward,
      lmn_separable_conv_grad(
        tree: tree.layout, width: shape[1], taps: taps.base,
        pointwise_transposed: transposed.base, nodes: base, mixed: mixed.base,
        d_nodes: d_nodes.output, d_mixed: d_mixed.output, d_taps: d_taps.output,
        d_pointwise: d_pointwise.output, d_bias: d_bias.output),
      on: self, mixed, taps, transposed, d_nodes, d_mixed, d_taps, d_pointwise, d_bias)
    return (d_nodes, d_taps, d_pointwise, d_bias)
  }
}
