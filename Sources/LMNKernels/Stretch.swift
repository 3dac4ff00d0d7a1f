/// The tree of a stretch of tokens before it is known what came before: all nodes inside it.
///
/// A stretch as long as a power of two that begins at a multiple of its length is a subtree, so its
/// nodes up to its root wait for nobody: stretches are summarized side by side, then connected one
/// after the other.
public struct Stretch: Sendable {
  /// Which part of the stream's tree this is.
  public let tree: Tree
  /// `[N, E]`; complete once the stretch is connected.
  public private(set) var nodes: Tensor

  /// The level of the root.
  private var rootLevel: Int { tree.length.trailingZeroBitCount }

  /// How a level is made from the one below: ``pairwise(weight:bias:)`` or
  /// ``separable(taps:pointwise:bias:)``.
  public struct Summaries: Sendable {
    let write: @Sendable (_ nodes: Tensor, Tree, _ levels: ClosedRange<Int>) -> Void

    /// Affine maps of pairs: weight `[K, 2E, E]`, bias `[K, E]`.
    public static func pairwise(weight: Tensor, bias: Tensor) -> Summaries {
      Summaries { nodes, tree, levels in
        nodes.writePairwiseSummaries(of: tree, levels: levels, weight: weight, bias: bias)
      }
    }

    /// Depthwise-separable convolutions: taps `[K, 3, E]`, pointwise `[K, E, E]`, bias `[K, E]`.
    public static func separable(taps: Tensor, pointwise: Tensor, bias: Tensor) -> Summaries {
      Summaries { nodes, tree, levels in
        nodes.writeSeparableConvs(
          of: tree, levels: levels, taps: taps, pointwise: pointwise, bias: bias)
      }
    }
  }

  /// Whether stretches of `length` can begin at `start`.
  public static func canBegin(at start: Int, length: Int) -> Bool {
    length.nonzeroBitCount == 1 && start.isMultiple(of: length)
  }

  /// Summarizes the tokens `[L, E]` of a part of a stream's tree.
  ///
  /// - Precondition: A stretch of that length can begin there.
  public init(tokens: Tensor, tree: Tree, summaries: Summaries) {
    precondition(
      Self.canBegin(at: tree.start, length: tree.length), "Stretch: \(tree) is no subtree")
    self.tree = tree
    nodes = tokens.unfinishedNodes(of: tree)
    if rootLevel > 0 { summaries.write(nodes, tree, 1...rootLevel) }
  }

  /// Makes the nodes above the root.
  ///
  /// - Parameters:
  ///   - carried: The newest nodes `[C, E]` before the stretch, which become those behind it.
  ///   - summaries: As before.
  public func connect(after carried: inout Tensor, summaries: Summaries) {
    nodes.place(carried: carried, of: tree)
    if rootLevel < tree.levels { summaries.write(nodes, tree, rootLevel + 1...tree.levels) }
    carried = nodes.rows(at: tree.newestRows)
  }
}
