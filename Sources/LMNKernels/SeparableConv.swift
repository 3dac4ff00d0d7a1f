internal import CLMN

extension Tensor {
  /// A tree's nodes, from its tokens and carried nodes, by depthwise-separable convolution with
  /// kernel 2 and stride 2.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - taps: `[K, 3, E]`: per channel the factors of left and right child, and the bias.
  ///   - pointwise: `[K, E, E]`.
  ///   - bias: `[K, E]`.
  /// - Returns: `nodes` `[N, E]` for `self` of that shape, which holds the tokens and the carried
  ///   nodes in their rows, and `mixed` `[N, E]`, the depthwise result in the row of each new node.
  public func separableConv(
    of tree: Tree, taps: Tensor, pointwise: Tensor, bias: Tensor
  ) -> (nodes: Tensor, mixed: Tensor) {
    let (width, banks) = (shape[1], tree.banks)
    precondition(
      shape == [tree.rowCount, width] && taps.shape == [banks, 3, width]
        && pointwise.shape == [banks, width, width] && bias.shape == [banks, width],
      """
      separableConv: nodes \(shape), taps \(taps.shape), pointwise \(pointwise.shape), \
      bias \(bias.shape), \(tree)
      """)
    var nodes = self
    let mixed = Tensor(shape: shape, repeating: 0)
    nodes.withMutableScalars { nodes in
      withExtendedLifetime((taps, pointwise, bias, mixed)) {
        var arguments = lmn_separable_conv(
          tree: tree.layout, width: width, taps: taps.base, pointwise: pointwise.base,
          bias: bias.base, nodes: nodes, mixed: mixed.output)
        lmn_separable_conv_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
    return (nodes, mixed)
  }

  /// What the cotangent of a tree's nodes gives to its tokens and to the convolution's parameters.
  ///
  /// - Parameters:
  ///   - cotangent: `[N, E]`, of every node by itself.
  ///   - tree: Which part of a stream's tree this is.
  ///   - mixed: As ``separableConv(of:taps:pointwise:bias:)`` returned it.
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
    var nodes = cotangent
    let d_mixed = Tensor(uninitialized: shape)
    let d_taps = Tensor(uninitialized: taps.shape)
    let d_pointwise = Tensor(uninitialized: pointwise.shape)
    let d_bias = Tensor(uninitialized: [tree.banks, shape[1]])
    nodes.withMutableScalars { d_nodes in
      withExtendedLifetime((self, mixed, taps, transposed, d_mixed, d_taps, d_pointwise, d_bias)) {
        var arguments = lmn_separable_conv_grad(
          tree: tree.layout, width: shape[1], taps: taps.base,
          pointwise_transposed: transposed.base, nodes: base, mixed: mixed.base, d_nodes: d_nodes,
          d_mixed: d_mixed.output, d_taps: d_taps.output, d_pointwise: d_pointwise.output,
          d_bias: d_bias.output)
        lmn_separable_conv_backward(ExecutionContext.current.kernels, &arguments)
      }
    }
    return (nodes, d_taps, d_pointwise, d_bias)
  }
}
