public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Memory that grows with the logarithm of the sequence: a tree of summaries, read by single-vector
/// attention (arXiv 2501.07905).
///
/// Token t sees itself and, on every level i of the tree, the newest finished node, which stands
/// for rⁱ tokens. Every slot gives a query and a value, the token one key. Beside the tree it may see
/// the tokens of a window, and pinned ones.
public struct LogarithmicMemory: Memory {
  /// How the children of a node become the node.
  public var summarizer: any Summarizer
  /// How lists of slots grow, in a tree where they do.
  public var expander: Expander?
  /// A slot's query and value, side by side: E → 2E.
  public var queryValue: Linear
  /// A token's key: E → E.
  public var key: Linear
  /// What becomes of the heads' outputs: E → E.
  public var output: Linear
  /// `[levels, H]`: what is added to the scores of every level; or nothing.
  public var levelBias: Variable?
  /// Which tokens stay pinned, if any do.
  public var pinning: Pinning?
  /// E.
  public let width: Int
  /// H, a divisor of E.
  public let heads: Int
  /// Of the tree.
  public let shape: TreeShape

  /// A memory with fresh parameters.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - heads: H.
  ///   - summarizer: How the children of a node become the node.
  ///   - shape: Of the tree.
  ///   - hasLevelBias: Whether scores have a bias per level, at first 0.
  ///   - pins: How many tokens stay pinned beside the tree.
  ///   - initialisation: Of the summarizer.
  ///   - generator: What draws the parameters.
  /// - Precondition: `heads` divides `width`.
  public init(
    width: Int, heads: Int, summarizer: SummarizerKind, shape: TreeShape,
    hasLevelBias: Bool = false, pins: Int = 0, initialisation: Initialisation,
    using generator: inout SeededGenerator
  ) {
    precondition(
      width.isMultiple(of: heads), "LogarithmicMemory: \(heads) heads do not divide width \(width)")
    self.width = width
    self.heads = heads
    self.shape = shape
    self.summarizer = summarizer.summarizer(
      width: width, shape: shape, initialisation: initialisation, using: &generator)
    expander =
      shape.expansion > 0
      ? Expander(width: width, expansion: shape.expansion, using: &generator) : nil
    queryValue = Linear(inputs: width, outputs: 2 * width, using: &generator)
    key = Linear(inputs: width, outputs: width, using: &generator)
    output = Linear(inputs: width, outputs: width, using: &generator)
    levelBias = hasLevelBias ? .constant([shape.maximumLevels + 1, heads], 0) : nil
    pinning = pins > 0 ? Pinning(count: pins, width: width, using: &generator) : nil
  }

  /// What a stream leaves behind: the nodes that wait for siblings, and at least the newest one, of
  /// every level and bank; on level 0 those of the window; and the pinned tokens.
  public struct State: Sendable {
    /// Tokens seen.
    public internal(set) var position: Int
    /// `[C, E]`, in the order of the next part's ``LMNKernels/Tree/carriedRows``.
    public internal(set) var nodes: Variable
    /// `[p, E]`: the pinned tokens.
    public internal(set) var pinned: Variable
    /// `[p, 1]`: their scores, −∞ for an empty place.
    public internal(set) var pinnedScores: Tensor
  }

  /// How many tokens stay pinned.
  public var pins: Int { pinning?.count ?? 0 }

  /// The state before the first token.
  public var initialState: State {
    State(
      position: 0, nodes: .constant([0, width], 0), pinned: .constant([pins, width], 0),
      pinnedScores: Tensor(shape: [pins, 1], repeating: -.infinity))
  }

  /// A state by its parts, such as a file holds them.
  ///
  /// - Parameters:
  ///   - position: Tokens seen.
  ///   - nodes: `[C, E]`.
  ///   - pinned: `[p, E]`.
  ///   - pinnedScores: `[p, 1]`.
  /// - Returns: nil when the shapes are not those of a state of this memory at that position.
  public func state(
    position: Int, nodes: Tensor, pinned: Tensor, pinnedScores: Tensor
  ) -> State? {
    guard position >= 0, position >> TreeShape.mostLevels == 0,
      nodes.shape == [stateRows(after: position), width], pinned.shape == [pins, width],
      pinnedScores.shape == [pins, 1]
    else { return nil }
    return State(
      position: position, nodes: Variable(constant: nodes), pinned: Variable(constant: pinned),
      pinnedScores: pinnedScores)
  }

  private func stateRows(after tokens: Int) -> Int {
    Tree(start: tokens, length: 1, shape: shape).carriedRows.count
  }

  /// The bytes of one stream's state after so many tokens; it grows with their logarithm.
  public func stateByteCount(after tokens: Int) -> Int {
    (stateRows(after: tokens) * width + pins * (width + 1)) * MemoryLayout<Float>.size
  }

  /// The same state, through which no gradient flows.
  public func detached(_ state: State) -> State {
    var state = state
    (state.nodes, state.pinned) = (state.nodes.detached, state.pinned.detached)
    return state
  }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(_ tokens: Variable, after state: inout State) -> Variable {
    let tree = Tree(start: state.position, length: tokens.value.shape[0], shape: shape)
    let nodes = summarizer.nodes(
      of: tree, tokens: tokens, carried: state.nodes, expansion: expander?.variables)
    state.position += tree.length
    state.nodes = nodes.rows(at: tree.newestRows)
    let pinned = pinning.map { pinning in
      pinning(tokens, scores: pinning.score(tokens), in: tree, after: &state)
    }
    return attend(tokens, to: nodes, of: tree, and: pinned)
  }

  /// What the tokens `[L, E]` make of what they see: the nodes of a tree, and what is beside it.
  private func attend(
    _ tokens: Variable, to nodes: Variable, of tree: Tree, and pinned: Pinning.View?
  ) -> Variable {
    var beside: [(tokenAttention: TokenAttention, gates: Variable?)] = []
    if shape.window > 0 { beside.append((.window(of: tree), nil)) }
    if let pinned { beside.append((pinned.tokenAttention, pinned.gates)) }
    let seen = pinned.map { .concatenatingRows([nodes, $0.before]) } ?? nodes
    let attended = queryValue(seen).singleVectorAttention(
      keys: key(tokens), of: tree, heads: heads, levelBias: levelBias, beside: beside)
    return output(attended)
  }

  /// 512, or a power of the arity near it.
  public var stretchLength: Int {
    var length = shape.arity
    while length * shape.arity <= 729 { length *= shape.arity }
    return length
  }

  /// The parallel form over stretches: each is summarized by itself, then all are connected in
  /// order, which is little work, and then each is attended to by itself.
  public func read(_ stretches: [Tensor], after state: inout State) -> [Tensor] {
    let (start, length) = (state.position, stretches.first?.shape[0] ?? 1)
    guard stretches.allSatisfy({ $0.shape[0] == length }),
      Stretch.canBegin(at: start, length: length, arity: shape.arity)
    else { return stretches.map { self(Variable(constant: $0), after: &state).value } }
    let context = ExecutionContext.current
    let (summary, expansion) = (summarizer.summary, expander?.expansion)
    let parts = context.map(stretches.count) { index in
      let tokens = Variable(constant: stretches[index])
      return (
        tree: Stretch(
          tokens: tokens.value,
          tree: Tree(start: start + index * length, length: length, shape: shape),
          summary: summary, expansion: expansion),
        scores: pinning?.score(tokens)
      )
    }
    var (nodes, views): (Tensor, [Pinning.View?]) = (state.nodes.value, [])
    for (part, tokens) in zip(parts, stretches) {
      part.tree.connect(after: &nodes)
      views.append(
        pinning.map {
          $0(Variable(constant: tokens), scores: part.scores!, in: part.tree.tree, after: &state)
        })
    }
    state.position += stretches.count * length
    state.nodes = Variable(constant: nodes)
    let pinned = views
    return context.map(stretches.count) { index in
      attend(
        Variable(constant: stretches[index]), to: Variable(constant: parts[index].tree.nodes),
        of: parts[index].tree.tree, and: pinned[index]
      ).value
    }
  }

  /// Memory for the trees of so many streams.
  public func makeStreams(_ count: Int) -> StreamTrees {
    StreamTrees(
      streams: count, width: width, heads: heads, shape: shape, hasLevelBias: levelBias != nil,
      pins: pins)
  }

  /// Sets one of several streams to its beginning.
  public func reset(_ stream: Int, in streams: StreamTrees) { streams.reset(stream) }

  /// Sets one of several streams to a state.
  public func load(_ state: State, of stream: Int, in streams: StreamTrees) {
    let seen = Variable.concatenatingRows([state.nodes.detached, state.pinned.detached])
    streams.load(
      stream,
      StreamTreeState(
        position: state.position, nodes: state.nodes.value, pinned: state.pinned.value,
        pinnedScores: state.pinnedScores),
      slots: queryValue(seen).value, gates: state.pinnedScores.logSigmoid(),
      levelBias: levelBias?.value)
  }

  /// What a stream has left behind so far.
  public func state(of stream: Int, in streams: StreamTrees) -> State {
    let state = streams.state(of: stream)
    return State(
      position: state.position, nodes: Variable(constant: state.nodes),
      pinned: Variable(constant: state.pinned), pinnedScores: state.pinnedScores)
  }

  /// The sequential form: only the nodes that the token finishes are made and projected.
  public func step(_ tokens: Tensor, of streams: StreamTrees) -> Tensor {
    streams.step(
      tokens, summary: summarizer.summary, expansion: expander?.expansion,
      queryValue: queryValue.weight.value.transposed, queryValueBias: queryValue.bias.value,
      levelBias: levelBias?.value)
    let keys = key(Variable(constant: tokens)).value
    let attended = keys.singleVectorAttention(over: streams)
    if let pinning {
      let scores = pinning.score(Variable(constant: tokens)).value
      streams.pin(tokens, scores: scores, gates: scores.logSigmoid())
    }
    return output(Variable(constant: attended)).value
  }

  /// Lists summarizer, expander, projections, output, level bias and pinning.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("summarizer", &summarizer, visit)
    if var expander {
      Self.visit("expander", &expander, visit)
      self.expander = expander
    }
    Self.visit("query_value", &queryValue, visit)
    Self.visit("key", &key, visit)
    Self.visit("out_proj", &output, visit)
    if var levelBias {
      visit("level_bias", &levelBias)
      self.levelBias = levelBias
    }
    if var pinning {
      Self.visit("pinning", &pinning, visit)
      self.pinning = pinning
    }
  }
}

extension LogarithmicMemory.State: Equatable {
  /// Whether position and values are the same.
  public static func == (left: Self, right: Self) -> Bool {
    left.position == right.position && left.nodes.value == right.nodes.value
      && left.pinned.value == right.pinned.value && left.pinnedScores == right.pinnedScores
  }
}
