/// Tree of a chunk of tokens, computed before the nodes of earlier tokens are.
///
/// A chunk whose length is a power of the arity and that begins at a multiple of its length is a
/// subtree: its nodes up to the root depend on its own tokens alone. So chunks are summarized in
/// parallel, then connected one after the other.
public struct Subtree: Sendable {
  /// Part of the stream's tree.
  public let tree: Tree
  /// `[N, E]`; complete once the chunk is connected.
  public private(set) var nodes: Tensor
  private let summary: Summary
  private let expansion: Expansion?

  /// Level of the root, or the highest level of the tree if that is lower.
  private var rootLevel: Int { tree.shape.topLevel(after: tree.length) }

  /// Whether a subtree of `length` tokens can begin at `start`, in a tree of the given arity.
  public static func canBegin(at start: Int, length: Int, arity: Int) -> Bool {
    var rest = length
    while rest > 1 && rest.isMultiple(of: arity) { rest /= arity }
    return rest == 1 && start.isMultiple(of: length)
  }

  /// Summarizes the tokens `[L, E]` of a part of a stream's tree.
  ///
  /// - Precondition: A subtree of that length can begin there.
  public init(tokens: Tensor, tree: Tree, summary: Summary, expansion: Expansion? = nil) {
    precondition(
      Self.canBegin(at: tree.start, length: tree.length, arity: tree.shape.arity),
      "Subtree: \(tree) is no subtree")
    self.tree = tree
    self.summary = summary
    self.expansion = expansion
    nodes = tokens.unfinishedNodes(of: tree)
    if rootLevel > 0 { summary.write(1...rootLevel, of: tree, into: nodes, expansion: expansion) }
  }

  /// Computes the nodes above the root.
  ///
  /// - Parameter carried: Carried nodes `[C, E]` before the chunk; replaced by those after it.
  public func connect(after carried: inout Tensor) {
    nodes.place(carried: carried, of: tree)
    if rootLevel < tree.levels {
      summary.write(rootLevel + 1...tree.levels, of: tree, into: nodes, expansion: expansion)
    }
    carried = nodes.rows(at: tree.newestRows)
  }
}
