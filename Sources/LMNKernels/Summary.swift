internal import CLMN

/// Map from the children of a node to the node.
public enum Summary: Sendable {
  /// Affine map of the children of J banks, 1 or all: weight `[KJ, rE, E]`, bias `[K, E]`.
  case affine(weight: Tensor, bias: Tensor)
  /// Depthwise-separable convolution: taps `[K, r + 1, E]`, pointwise `[K, E, E]`, bias `[K, E]`.
  case separable(taps: Tensor, pointwise: Tensor, bias: Tensor)
}

/// Prepared kernel call that computes nodes in one array: those of a tree, or of given families.
final class NodeMaker {
  private let arguments: Arguments
  /// Expanded children, `[rows, E]`.
  let grown: Tensor
  /// Depthwise results of a separable convolution, in the rows of the new nodes.
  let mixed: Tensor
  /// All memory that is read or written, except the nodes.
  let operands: [Tensor]

  /// Arguments at a stable address, so that a decode step does not copy them.
  private enum Arguments {
    case affine(UnsafeMutablePointer<lmn_affine_summary>)
    case separable(UnsafeMutablePointer<lmn_separable_conv>)
  }

  /// Prepares to compute nodes in `nodes`, `[rows, width]`.
  ///
  /// - Parameters:
  ///   - summary: Map from the children of a node to the node.
  ///   - expansion: Expansion; nil if g is 0.
  ///   - nodes: Array of nodes.
  ///   - rows: Number of rows of `nodes`.
  ///   - width: E.
  ///   - tree: Tree to compute; for given families, only its shape is used.
  ///   - grownRows: Number of rows of expanded children.
  init(
    _ summary: Summary, expansion: Expansion?, in nodes: UnsafeMutablePointer<Float>, rows: Int,
    width: Int, of tree: Tree, grownRows: Int
  ) {
    let (banks, arity) = (tree.shape.banks, tree.shape.arity)
    expansion.expectFit(to: tree.shape, width: width)
    grown = Tensor(uninitialized: [grownRows, width])
    let arguments = expansion.arguments(grown: grown)
    let expansionOperands = [expansion?.weight, expansion?.bias].compactMap { $0 }
    switch summary {
    case .affine(let weight, let bias):
      precondition(
        [[banks, arity * width, width], [banks * banks, arity * width, width]]
          .contains(weight.shape) && bias.shape == [banks, width],
        "affineSummary: weight \(weight.shape), bias \(bias.shape), width \(width), \(tree)")
      mixed = grown
      operands = [weight, bias, grown] + expansionOperands
      let summary = UnsafeMutablePointer<lmn_affine_summary>.allocate(capacity: 1)
      summary.initialize(
        to: lmn_affine_summary(
          tree: tree.layout, width: width, sources: weight.shape[0] / banks, weight: weight.base,
          bias: bias.base, nodes: nodes, expansion: arguments))
      self.arguments = .affine(summary)
    case .separable(let taps, let pointwise, let bias):
      precondition(
        taps.shape == [banks, arity + 1, width] && pointwise.shape == [banks, width, width]
          && bias.shape == [banks, width],
        """
        separableConv: taps \(taps.shape), pointwise \(pointwise.shape), bias \(bias.shape), \
        width \(width), \(tree)
        """)
      mixed = Tensor(uninitialized: [rows, width])
      operands = [taps, pointwise, bias, mixed, grown] + expansionOperands
      let conv = UnsafeMutablePointer<lmn_separable_conv>.allocate(capacity: 1)
      conv.initialize(
        to: lmn_separable_conv(
          tree: tree.layout, width: width, taps: taps.base, pointwise: pointwise.base,
          bias: bias.base, nodes: nodes, mixed: mixed.output, expansion: arguments))
      self.arguments = .separable(conv)
    }
  }

  deinit {
    switch arguments {
    case .affine(let arguments): arguments.deallocate()
    case .separable(let arguments): arguments.deallocate()
    }
  }

  /// Prepares to compute the nodes `[N, E]` of a tree.
  convenience init(_ summary: Summary, expansion: Expansion?, in nodes: Tensor, of tree: Tree) {
    self.init(
      summary, expansion: expansion, in: nodes.output, rows: nodes.shape[0], width: nodes.shape[1],
      of: tree, grownRows: lmn_tree_grown_rows(tree.layout))
  }

  /// Computes all new nodes of the tree.
  func makeTree(_ kernels: lmn_context) {
    switch arguments {
    case .affine(let arguments): lmn_affine_summary_forward(kernels, arguments)
    case .separable(let arguments): lmn_separable_conv_forward(kernels, arguments)
    }
  }

  /// Computes the nodes of the given families.
  func make(_ families: lmn_families, _ kernels: lmn_context) {
    switch arguments {
    case .affine(let arguments): lmn_affine_summary_families_forward(kernels, arguments, families)
    case .separable(let arguments):
      lmn_separable_conv_families_forward(kernels, arguments, families)
    }
  }
}

extension Summary {
  /// Nodes of a part of a tree.
  ///
  /// - Parameters:
  ///   - tree: Part of a stream's tree.
  ///   - tokens: `[L, E]`.
  ///   - carried: `[C, E]`, in the order of the tree's ``Tree/carriedRows``.
  ///   - expansion: Expansion; nil if g is 0.
  /// - Returns: `nodes` `[N, E]`; `grown`, the expanded children, empty without expansion; and
  ///   `mixed` `[N, E]`, the depthwise results of a separable convolution in the rows of the new
  ///   nodes.
  public func nodes(
    of tree: Tree, tokens: Tensor, carried: Tensor, expansion: Expansion? = nil
  ) -> (nodes: Tensor, grown: Tensor, mixed: Tensor) {
    let nodes = tokens.unfinishedNodes(of: tree, carried: carried)
    let maker = NodeMaker(self, expansion: expansion, in: nodes, of: tree)
    ExecutionContext.current.run(on: nodes, maker.operands) { maker.makeTree($0) }
    return (nodes, maker.grown, maker.mixed)
  }

  /// Computes the new nodes of some levels in `nodes` `[N, E]`, in which all lower levels are
  /// complete.
  func write(
    _ levels: ClosedRange<Int>, of tree: Tree, into nodes: Tensor, expansion: Expansion?
  ) {
    let maker = NodeMaker(self, expansion: expansion, in: nodes, of: tree)
    ExecutionContext.current.run(on: nodes, maker.operands) { kernels in
      for level in levels { maker.make(lmn_tree_families_at(tree.layout, level), kernels) }
    }
  }
}
