public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Memory that grows with the logarithm of the sequence: a binary tree of summaries, read by
/// single-vector attention (arXiv 2501.07905).
///
/// Token t sees itself and, on every level i of the tree, the newest finished node, which stands
/// for 2ⁱ tokens. Every node gives a query and a value, the token one key.
public struct LogarithmicMemory: Memory {
  /// How two nodes become one.
  public var summarizer: Summarizer
  /// A node's query and value, side by side: E → 2E.
  public var queryValue: Linear
  /// A token's key: E → E.
  public var key: Linear
  /// What becomes of the heads' outputs: E → E.
  public var output: Linear
  /// E.
  public let width: Int
  /// H, a divisor of E.
  public let heads: Int
  /// K: summaries of every node.
  public let banks: Int

  /// A memory with fresh parameters.
  ///
  /// - Precondition: `heads` divides `width`.
  public init(
    width: Int, heads: Int, banks: Int, summarizer: Summarizer.Kind,
    initialisation: Initialisation, using generator: inout SeededGenerator
  ) {
    precondition(
      width.isMultiple(of: heads), "LogarithmicMemory: \(heads) heads do not divide width \(width)")
    self.width = width
    self.heads = heads
    self.banks = banks
    self.summarizer = Summarizer(
      summarizer, width: width, banks: banks, initialisation: initialisation, using: &generator)
    queryValue = Linear(inputs: width, outputs: 2 * width, using: &generator)
    key = Linear(inputs: width, outputs: width, using: &generator)
    output = Linear(inputs: width, outputs: width, using: &generator)
  }

  /// The newest node of every level and bank, with its query and value.
  public struct State: Sendable, Equatable {
    /// Tokens seen.
    public internal(set) var position: Int
    /// `[C, E]`: the newest token, then per bank the newest node of every level from 1 up.
    public internal(set) var nodes: Tensor
    /// `[C, 2E]`: query and value of each of them.
    public internal(set) var slots: Tensor

    /// A state by its parts, such as a file holds them.
    ///
    /// - Returns: nil when the shapes are not those of a state at that position.
    public init?(position: Int, nodes: Tensor, slots: Tensor, width: Int, banks: Int) {
      guard position >= 0, position < Int.max / 2, nodes.shape.first == slots.shape.first else {
        return nil
      }
      let rows = Tree(start: position, length: 1, banks: banks).carriedRows.count
      guard nodes.shape == [rows, width], slots.shape == [rows, 2 * width] else { return nil }
      self.position = position
      self.nodes = nodes
      self.slots = slots
    }
  }

  /// The state before the first token.
  public var initialState: State {
    State(
      position: 0, nodes: Tensor(shape: [0, width], scalars: []),
      slots: Tensor(shape: [0, 2 * width], scalars: []), width: width, banks: banks)!
  }

  /// The bytes of one stream's state after so many tokens; it grows with their logarithm.
  public func stateByteCount(after tokens: Int) -> Int {
    let rows = Tree(start: tokens, length: 1, banks: banks).carriedRows.count
    return rows * 3 * width * MemoryLayout<Float>.size
  }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(_ tokens: Variable, after state: inout State) -> Variable {
    let tree = Tree(start: state.position, length: tokens.value.shape[0], banks: banks)
    let nodes = summarizer.nodes(of: tree, tokens: tokens, carried: state.nodes)
    let slots = queryValue(nodes)
    let attended = slots.singleVectorAttention(keys: key(tokens), of: tree, heads: heads)
    state.position += tree.length
    state.nodes = nodes.value.rows(at: tree.newestRows)
    state.slots = slots.value.rows(at: tree.newestRows)
    return output(attended)
  }

  /// The parallel form over stretches: each is summarized by itself, then all are connected in
  /// order, which is little work, and then each is attended to by itself.
  public func read(_ stretches: [Tensor], after state: inout State) -> [Tensor] {
    let (start, length) = (state.position, stretches.first?.shape[0] ?? 1)
    guard stretches.allSatisfy({ $0.shape[0] == length }),
      Stretch.canBegin(at: start, length: length)
    else { return stretches.map { self(Variable(constant: $0), after: &state).value } }
    let (context, summaries) = (ExecutionContext.current, summarizer.summaries)
    let trees = context.map(stretches.count) { index in
      Stretch(
        tokens: stretches[index],
        tree: Tree(start: start + index * length, length: length, banks: banks),
        summaries: summaries)
    }
    for tree in trees { tree.connect(after: &state.nodes, summaries: summaries) }
    let results = context.map(stretches.count) { index in
      let slots = queryValue(Variable(constant: trees[index].nodes))
      let keys = key(Variable(constant: stretches[index]))
      let attended = slots.singleVectorAttention(keys: keys, of: trees[index].tree, heads: heads)
      return (slots: slots.value, output: output(attended).value)
    }
    state.position += stretches.count * length
    if let last = trees.last {
      state.slots = results[trees.count - 1].slots.rows(at: last.tree.newestRows)
    }
    return results.map(\.output)
  }

  /// Memory for the trees of so many streams.
  public func makeStreams(_ count: Int) -> StreamTrees {
    StreamTrees(streams: count, width: width, banks: banks)
  }

  /// Sets streams to states.
  public func load(_ states: [State], into streams: StreamTrees) {
    precondition(
      states.count == streams.streams, "load: \(states.count) states, \(streams.streams) streams")
    for (stream, state) in states.enumerated() {
      streams.load(stream, position: state.position, nodes: state.nodes, slots: state.slots)
    }
  }

  /// What a stream has left behind so far.
  public func state(of stream: Int, in streams: StreamTrees) -> State {
    let (position, nodes, slots) = streams.state(of: stream)
    return State(position: position, nodes: nodes, slots: slots, width: width, banks: banks)!
  }

  /// The sequential form: only the nodes that the token finishes are made and projected.
  public func step(_ tokens: Tensor, of streams: StreamTrees) -> Tensor {
    summarizer.step(tokens, of: streams, queryValue: queryValue)
    let keys = key(Variable(constant: tokens)).value
    let attended = keys.singleVectorAttention(over: streams, heads: heads)
    return output(Variable(constant: attended)).value
  }

  /// Lists summarizer, projections and output.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("summarizer", &summarizer, visit)
    Self.visit("query_value", &queryValue, visit)
    Self.visit("key", &key, visit)
    Self.visit("out_proj", &output, visit)
  }
}
