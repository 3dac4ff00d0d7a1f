public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// The part of a network that is independent of the task: position encoding, blocks and a norm,
/// between embedding and head.
public struct Trunk: Module {
  /// Position encoding, added to the embedded input.
  public var positions: Positions
  /// The blocks with parameters of their own, repeated in turn over the layers.
  public var blocks: [Block]
  /// Number of layers; each has a state of its own.
  public let layers: Int
  /// Norm after the last block.
  public var finalNorm: LayerNorm
  /// Dropout rate in training.
  public let dropoutRate: Float

  /// A trunk with parameters from `source`.
  ///
  /// - Precondition: The settings are valid.
  public init(_ settings: Settings, using source: inout ParameterSource) {
    positions = Positions(
      settings.positions, width: settings.width,
      maximumLength: settings.maximumLength, using: &source)
    layers = settings.layers
    blocks = []
    for index in 0..<(settings.distinctLayers ?? settings.layers) {
      blocks.append(Block(at: index, of: settings, using: &source))
    }
    finalNorm = LayerNorm(width: settings.width, using: &source)
    dropoutRate = settings.dropout
  }

  /// Block of a layer.
  public func block(ofLayer index: Int) -> Block { blocks[index % blocks.count] }

  /// State of one stream: its position and the state of every layer's memory.
  public struct State: Sendable, Equatable {
    /// Number of tokens read.
    public var position: Int
    /// States of the memories, one per layer.
    public var blocks: [MemoryState]

    /// A state with the given parts.
    public init(position: Int, blocks: [MemoryState]) {
      self.position = position
      self.blocks = blocks
    }

    /// The same state, detached from gradients.
    public var detached: State { State(position: position, blocks: blocks.map(\.detached)) }

    /// Whether all values are finite.
    public var isFinite: Bool { blocks.allSatisfy(\.isFinite) }
  }

  /// Length of chunks that all memories can compute in parallel.
  var chunkLength: Int { blocks.reduce(1) { max($0, $1.memory.chunkLength) } }

  /// The state before the first token.
  public var initialState: State {
    State(position: 0, blocks: (0..<layers).map { block(ofLayer: $0).memory.initialState })
  }

  /// The pass over the next tokens of a stream.
  ///
  /// - Parameters:
  ///   - position: Number of tokens before them.
  ///   - length: Number of tokens.
  ///   - draw: Dropout draw in training; nil for no dropout.
  /// - Returns: The pass.
  public func pass(after position: Int, length: Int, dropping draw: DropoutDraw? = nil) -> Pass {
    Pass(start: position, length: length, dropout: dropout(draw))
  }

  /// Dropout at the trunk's rate; nil for no dropout.
  func dropout(_ draw: DropoutDraw?) -> Dropout? {
    dropoutRate > 0 ? draw.map { Dropout(rate: dropoutRate, draw: $0) } : nil
  }

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens of a stream, embedded.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass over them; the routings of routers are added to it.
  /// - Returns: `[L, E]`, normalised.
  public func callAsFunction(
    _ x: Variable, after state: inout State, _ pass: inout Pass
  ) -> Variable {
    let length = x.value.shape[0]
    let x = vectors(x, after: &state, &pass, layers: layers)
    state.position += length
    return finalNorm(x)
  }

  /// Output `[L, E]` of the first `count` layers; updates their states.
  private func vectors(
    _ x: Variable, after state: inout State, _ pass: inout Pass, layers count: Int
  ) -> Variable {
    let dropout = pass.dropout
    defer { pass.dropout = dropout }
    var x = positions(x, at: pass.positions).dropped(by: dropout, site: 0)
    for index in 0..<count {
      pass.dropout = dropout?.from(site: 1 + index * Block.dropoutSites)
      let block = block(ofLayer: index)
      x =
        pass.recomputes
        ? block.recomputed(x, after: &state.blocks[index], &pass)
        : block(x, after: &state.blocks[index], &pass)
    }
    return x
  }

  /// The state after the next L tokens of a stream, without outputs and gradients.
  ///
  /// - Parameters:
  ///   - state: The state before the tokens, updated to that after them.
  ///   - x: `[L, E]`, the tokens, embedded.
  ///   - pass: The pass over them.
  func advance(_ state: inout State, over x: Variable, _ pass: inout Pass) {
    let length = x.value.shape[0]
    let last = layers - 1
    let x = vectors(x, after: &state, &pass, layers: last)
    block(ofLayer: last).advance(&state.blocks[last], over: x, &pass)
    state.position += length
  }

  /// The parallel form over consecutive chunks, without gradients; chunks are computed in parallel.
  ///
  /// - Parameters:
  ///   - chunks: `[L, E]` each.
  ///   - state: The state before them, updated to that after them.
  /// - Returns: `[L, E]` for each, normalised.
  public func read(_ chunks: [Tensor], after state: inout State) -> [Tensor] {
    let start = state.position
    var starts = [start]
    for chunk in chunks { starts.append(starts.last! + chunk.shape[0]) }
    let begins = starts
    var x = ExecutionContext.current.map(chunks.count) { index in
      positions(
        Variable(constant: chunks[index]),
        at: PositionBuffer(begins[index]..<begins[index + 1])
      ).value
    }
    for index in 0..<layers {
      x = block(ofLayer: index).read(x, after: &state.blocks[index], start: start)
    }
    state.position = starts.last!
    let last = x
    return ExecutionContext.current.map(last.count) { index in
      finalNorm(Variable(constant: last[index])).value
    }
  }

  /// The sequential form, for one token of each of B streams; advances their positions by one.
  ///
  /// - Parameters:
  ///   - x: `[B, E]`, a row per stream.
  ///   - streams: B streams, which may be at different positions.
  /// - Returns: `[B, E]`, normalised; a row depends only on its own stream.
  public func step(_ x: Tensor, of streams: Streams) -> Tensor {
    var x = positions(Variable(constant: x), at: streams.positions).value
    for (index, memory) in streams.memories.enumerated() {
      x = block(ofLayer: index).step(x, of: memory, at: streams.positions)
    }
    streams.positions.advance()
    return finalNorm(Variable(constant: x)).value
  }

  /// Visits position encoding, blocks and norm.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("position_embedding_table", &positions)
    for index in blocks.indices { visit("blocks.\(index)", &blocks[index], hidden: true) }
    visit("ln_f", &finalNorm)
  }

  /// Names and shapes of the tensors of a state at `position`, per layer.
  public func stateShapes(at position: Int) -> [[(name: String, shape: [Int])]] {
    (0..<layers).map { block(ofLayer: $0).memory.stateShapes(at: position) }
  }

  /// Key of a recorded computation: equal for two starts only if the blocks make the same kernel
  /// calls over `length` tokens from both.
  public func layout(start: Int, length: Int) -> [Int] {
    blocks.flatMap { block in
      let layout = block.memory.layout(start: start, length: length)
      return [layout.count] + layout
    }
  }
}

extension Trunk {
  /// States of B streams at stable addresses, so that a step can be recorded.
  public struct Streams: Sendable {
    /// Number of tokens read, per stream.
    let positions: PositionBuffer
    /// Streams of each layer's memory.
    let memories: [any MemoryStreams]

    /// Resets one stream to its initial state; allocates nothing.
    func reset(_ row: Int) {
      for index in 0..<memories.count { memories[index].reset(row) }
      positions.overwrite(at: row, with: 0)
    }

    /// Sets one stream to a state.
    public func load(_ state: State, at row: Int) {
      for (memory, block) in zip(memories, state.blocks) {
        memory.load(block, at: row, position: state.position)
      }
      positions.overwrite(at: row, with: Int64(state.position))
    }

    /// State of one stream.
    public func state(at row: Int) -> State {
      let position = Int(positions.elements[row])
      return State(
        position: position, blocks: memories.map { $0.state(at: row, position: position) })
    }
  }

  /// Allocates state for `count` streams, all of them at their initial state.
  public func makeStreams(_ count: Int) -> Streams {
    Streams(
      positions: PositionBuffer(repeatElement(0, count: count)),
      memories: (0..<layers).map { block(ofLayer: $0).memory.makeStreams(count) })
  }

  /// Streams that continue from `states`.
  public func streams(from states: [State]) -> Streams {
    let streams = makeStreams(states.count)
    for (row, state) in states.enumerated() { streams.load(state, at: row) }
    return streams
  }
}

extension Trunk {
  /// Converts the entries of this trunk's parameters, or of their gradients, to the names and
  /// shapes of the published PyTorch code; other entries stay.
  package func published(_ dictionary: StateDictionary) -> StateDictionary {
    blocks.indices.reduce(dictionary) { dictionary, index in
      blocks[index].memory.published(dictionary, under: "blocks.\(index).")
    }
  }

  /// The inverse of ``published(_:)``.
  ///
  /// - Precondition: Entries under published names have the published shapes.
  package func adopted(_ dictionary: StateDictionary) -> StateDictionary {
    blocks.indices.reduce(dictionary) { dictionary, index in
      blocks[index].memory.adopted(dictionary, under: "blocks.\(index).")
    }
  }
}
