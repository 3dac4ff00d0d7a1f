internal import CLMN

/// How a node is made from its children.
public enum Summary: Sendable {
  /// An affine map: weight `[KJ, rE, E]`, bias `[K, E]`.
  case affine(weight: Tensor, bias: Tensor)
  /// A depthwise-separable convolution: taps `[K, r + 1, E]`, pointwise `[K, E, E]`, bias `[K, E]`.
  case separable(taps: Tensor, pointwise: Tensor, bias: Tensor)
}

/// A summary at work on one array of nodes: of a tree, or of the families that it is told.
final class NodeMaker {
  private let arguments: Arguments
  /// The children as they are summarized, `[rows, E]`.
  let grown: Tensor
  /// A separable convolution's depthwise results, in the rows of the new nodes.
  let mixed: Tensor
  /// Everything that is read or written, but for the nodes.
  let operands: [Tensor]

  /// Where they stay: a step of a stream has no time to copy them.
  private enum Arguments {
    case affine(UnsafeMutablePointer<lmn_affine_summary>)
    case separable(UnsafeMutablePointer<lmn_separable_conv>)
  }

  /// Prepares to make nodes in `nodes`, which has `rows` rows of `width`.
  ///
  /// - Parameters:
  ///   - summary: How.
  ///   - expansion: For a tree that grows.
  ///   - nodes: Where.
  ///   - rows: How many rows there are.
  ///   - width: E.
  ///   - tree: What is made; where families are told, only its shape matters.
  ///   - grownRows: How many rows all grown children have that are there at once.
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

  /// The same for the nodes `[N, E]` of a tree.
  convenience init(_ summary: Summary, expansion: Expansion?, in nodes: Tensor, of tree: Tree) {
    self.init(
      summary, expansion: expansion, in: nodes.output, rows: nodes.shape[0], width: nodes.shape[1],
      of: tree, grownRows: lmn_tree_grown_rows(tree.layout))
  }

  /// Makes all nodes of the tree.
  func makeTree(_ kernels: lmn_context) {
    switch arguments {
    case .affine(let arguments): lmn_affine_summary_forward(kernels, arguments)
    case .separable(let arguments): lmn_separable_conv_forward(kernels, arguments)
    }
  }

  /// Makes the nodes of some families.
  func make(_ families: lmn_families, _ kernels: lmn_context) {
    switch arguments {
    case .affine(let arguments): lmn_affine_summary_families_forward(kernels, arguments, families)
    case .separable(let arguments):
      lmn_separable_conv_families_forward(kernels, arguments, families)
    }
  }
}

extension Summary {
  /// A tree's nodes.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree this is.
  ///   - tokens: `[L, E]`.
  ///   - carried: `[C, E]`, in the order of the tree's ``Tree/carriedRows``.
  ///   - expansion: For a tree that grows.
  /// - Returns: `nodes` `[N, E]`; `grown`, the children as they were summarized where they grow; and
  ///   `mixed` `[N, E]`, a separable convolution's depthwise result in the row of each new node.
  public func nodes(
    of tree: Tree, tokens: Tensor, carried: Tensor, expansion: Expansion? = nil
  ) -> (nodes: Tensor, grown: Tensor, mixed: Tensor) {
    let nodes = tokens.unfinishedNodes(of: tree, carried: carried)
    let maker = NodeMaker(self, expansion: expansion, in: nodes, of: tree)
    ExecutionContext.current.run(on: nodes, maker.operands) { maker.makeTree($0) }
    return (nodes, maker.grown, maker.mixed)
  }

  /// Makes the new nodes of some levels in place, in `nodes` `[N, E]` with everything below.
  func write(
    _ levels: ClosedRange<Int>, of tree: Tree, into nodes: Tensor, expansion: Expansion?
  ) {
    let maker = NodeMaker(self, expansion: expansion, in: nodes, of: tree)
    ExecutionContext.current.run(on: nodes, maker.operands) { kernels in
      for level in levels { maker.make(lmn_tree_families_at(tree.layout, level), kernels) }
    }
  }
}
