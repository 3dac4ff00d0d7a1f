public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Logarithmic memory: a tree of summaries, read by single-vector attention (arXiv 2501.07905).
///
/// Token t attends to itself and, on each level i of the tree, to the newest finished node, which
/// summarizes rⁱ tokens. Each slot has a query and a value, the token one key. Optionally, a token
/// also attends to the tokens of a window and to pinned tokens.
///
/// State: `nodes` `[C, E]`, of each level and bank the nodes that wait for siblings, at least the
/// newest one, and on level 0 the tokens of the window, in the order of
/// ``LMNKernels/Tree/carriedRows``. With pinned tokens also `pinned` `[p, E]` and `pinned_scores`
/// `[p, 1]`, −∞ for an empty place.
public struct LogarithmicMemory: Memory {
  /// Computes nodes from their children.
  public var summarizer: any Summarizer
  /// Expands slots; nil without expansion.
  public var expander: Expander?
  /// Query and value of a slot, concatenated: E → 2E.
  public var queryValue: Linear
  /// Key of a token: E → E.
  public var key: Linear
  /// Output projection: E → E.
  public var output: Linear
  /// Bias `[levels, H]` of the attention scores per level; nil for none.
  public var levelBias: Variable?
  /// Bias `[window, H]` of the attention scores per place of the window, that of the token x + 1
  /// positions before in row x; nil for none.
  public var windowBias: Variable?
  /// Chooses the pinned tokens; nil for none.
  public var pinning: Pinning?
  /// E.
  public let width: Int
  /// H, a divisor of E.
  public let heads: Int
  /// Shape of the tree.
  public let shape: TreeShape

  /// A memory with parameters from `source`.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Sizes and kinds.
  ///   - source: Source of the parameters.
  /// - Precondition: The heads divide the width.
  public init(width: Int, _ settings: Settings, using source: inout ParameterSource) {
    let (heads, shape) = (settings.heads, settings.treeShape)
    precondition(
      width.isMultiple(of: heads), "LogarithmicMemory: \(heads) heads do not divide width \(width)")
    self.width = width
    self.heads = heads
    self.shape = shape
    summarizer = settings.summarizer.summarizer(width: width, shape: shape, using: &source)
    expander =
      shape.expansion > 0 ? Expander(width: width, expansion: shape.expansion, using: &source) : nil
    queryValue = Linear(inputs: width, outputs: 2 * width, using: &source)
    key = Linear(inputs: width, outputs: width, using: &source)
    output = Linear(inputs: width, outputs: width, using: &source)
    levelBias =
      settings.levelBias ? source.parameter([shape.maximumLevels + 1, heads], .constant(0)) : nil
    windowBias = settings.windowBias ? source.parameter([shape.window, heads], .constant(0)) : nil
    pinning =
      settings.pinned > 0
      ? Pinning(count: settings.pinned, width: width, using: &source) : nil
  }

  /// The state before the first token.
  public var initialState: MemoryState {
    let nodes = MemoryState.Part(
      "nodes", Variable(constant: Tensor(shape: [0, width], scalars: [])))
    guard let pinning else { return MemoryState([nodes]) }
    return MemoryState([
      nodes,
      .init("pinned", Variable(constant: Tensor(shape: [pinning.count, width], repeating: 0))),
      .init(
        "pinned_scores",
        Variable(constant: Tensor(shape: [pinning.count, 1], repeating: -.infinity)),
        admitsMinusInfinity: true),
    ])
  }

  /// Shapes of a state; the number of nodes grows with the logarithm of the position.
  public func stateShapes(at position: Int) -> [(name: String, shape: [Int])] {
    let nodes = ("nodes", [Tree(start: position, length: 1, shape: shape).carriedRowCount, width])
    guard let pinning else { return [nodes] }
    return [nodes, ("pinned", [pinning.count, width]), ("pinned_scores", [pinning.count, 1])]
  }

  /// Equal for starts at which the tree has the same nodes, finished at the same tokens.
  public func layout(start: Int, length: Int) -> [Int] {
    Tree(start: start, length: length, shape: shape).layoutKey
  }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let (nodes, tree, pinned) = write(x, after: &state, pass)
    return attend(x, to: nodes, of: tree, and: pinned)
  }

  /// The state after L tokens, without attention.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    _ = write(x, after: &state, pass)
  }

  /// Nodes of the tree of L tokens, and the pinned tokens that these attend to; updates the state.
  private func write(
    _ x: Variable, after state: inout MemoryState, _ pass: Pass
  ) -> (nodes: Variable, tree: Tree, pinned: Pinning.View?) {
    let tree = Tree(start: pass.start, length: x.value.shape[0], shape: shape)
    let nodes = summarizer.nodes(
      of: tree, tokens: x, carried: state["nodes"], expansion: expander?.variables)
    state["nodes"] = nodes.rows(at: tree.newestRows)
    let pinned = pinning.map { pinning in
      pinning(x, scores: pinning.score(x), in: tree, after: &state)
    }
    return (nodes, tree, pinned)
  }

  /// Attention of the tokens `[L, E]` to the nodes of a tree, the window and the pinned tokens.
  private func attend(
    _ tokens: Variable, to nodes: Variable, of tree: Tree, and pinned: Pinning.View?
  ) -> Variable {
    var beside: [(tokenAttention: TokenAttention, gates: Variable?, bias: Variable?)] = []
    if shape.window > 0 { beside.append((.window(of: tree), nil, windowBias)) }
    if let pinned { beside.append((pinned.tokenAttention, pinned.gates, nil)) }
    let seen = pinned.map { .concatenatingRows([nodes, $0.before]) } ?? nodes
    let attended = queryValue(seen).singleVectorAttention(
      keys: key(tokens), of: tree, heads: heads, levelBias: levelBias, beside: beside)
    return output(attended)
  }

  /// 512, or a power of the arity near it.
  public var chunkLength: Int {
    var length = shape.arity
    while length * shape.arity <= 729 { length *= shape.arity }
    return length
  }

  /// The parallel form over chunks: each chunk's subtree is computed separately, then the subtrees
  /// are connected in order (little work), then attention is computed per chunk.
  public func read(
    _ chunks: [Tensor], after state: inout MemoryState, start: Int
  ) -> [Tensor] {
    let length = chunks.first?.shape[0] ?? 1
    guard chunks.allSatisfy({ $0.shape[0] == length }),
      Subtree.canBegin(at: start, length: length, arity: shape.arity)
    else { return readInTurn(chunks, after: &state, start: start) }
    let context = ExecutionContext.current
    let (summary, expansion) = (summarizer.summary, expander?.expansion)
    let parts = context.map(chunks.count) { index in
      let tokens = Variable(constant: chunks[index])
      return (
        tree: Subtree(
          tokens: tokens.value,
          tree: Tree(start: start + index * length, length: length, shape: shape),
          summary: summary, expansion: expansion),
        scores: pinning?.score(tokens)
      )
    }
    var (nodes, views): (Tensor, [Pinning.View?]) = (state["nodes"].value, [])
    for (part, tokens) in zip(parts, chunks) {
      part.tree.connect(after: &nodes)
      views.append(
        pinning.map {
          $0(Variable(constant: tokens), scores: part.scores!, in: part.tree.tree, after: &state)
        })
    }
    state["nodes"] = Variable(constant: nodes)
    let pinned = views
    return context.map(chunks.count) { index in
      attend(
        Variable(constant: chunks[index]), to: Variable(constant: parts[index].tree.nodes),
        of: parts[index].tree.tree, and: pinned[index]
      ).value
    }
  }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams {
    LogarithmicStreams(of: self, count: count)
  }

  /// Visits summarizer, expander, projections, output, biases and pinning.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("summarizer", &summarizer)
    visit("expander", &expander)
    visit("query_value", &queryValue)
    visit("key", &key)
    visit("out_proj", &output)
    visit("level_bias", &levelBias)
    visit("window_bias", &windowBias)
    visit("pinning", &pinning)
  }
}
