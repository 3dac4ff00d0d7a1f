public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// What the models of all tasks share: positions, blocks and a norm, between what embeds an input
/// and what reads the answer off.
public struct Trunk: Module {
  /// What is added to the embedded input.
  public var positions: Positions
  /// The blocks, in order.
  public var blocks: [Block<LogarithmicMemory>]
  /// After the last block.
  public var finalNorm: LayerNorm
  /// Which share of the values is dropped while the model learns.
  public let dropoutRate: Float

  /// A trunk with fresh parameters.
  ///
  /// - Precondition: The configuration is valid.
  public init(
    _ configuration: Configuration, initialisation: Initialisation = .reference,
    using generator: inout SeededGenerator
  ) {
    let width = configuration.width
    positions = Positions(
      configuration.positions, width: width, maximumLength: configuration.maximumLength,
      using: &generator)
    blocks = []
    for _ in 0..<configuration.layers {
      let memory = LogarithmicMemory(
        width: width, heads: configuration.heads, summarizer: configuration.summarizer,
        shape: configuration.treeShape, hasLevelBias: configuration.levelBias,
        pins: configuration.pinned, initialisation: initialisation, using: &generator)
      let feedForward = FeedForward(
        width: width, factor: configuration.feedForward, activation: configuration.activation,
        using: &generator)
      blocks.append(Block(width: width, memory: memory, feedForward: feedForward))
    }
    finalNorm = LayerNorm(width: width)
    dropoutRate = configuration.dropout
  }

  /// What a stream leaves behind: a state per block.
  public typealias State = [LogarithmicMemory.State]

  /// How long stretches are best that are read side by side.
  var stretchLength: Int { blocks[0].memory.stretchLength }

  /// The state before the first token.
  public var initialState: State { blocks.map(\.memory.initialState) }

  /// The same state, through which no gradient flows.
  public func detached(_ state: State) -> State {
    zip(blocks, state).map { $0.memory.detached($1) }
  }

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens of a stream, embedded.
  ///   - state: What the tokens before left; becomes what these leave. Gradients flow through it.
  ///   - draw: Which values are dropped, for a model that learns; nil drops none.
  /// - Returns: `[L, E]`, normed.
  public func callAsFunction(
    _ x: Variable, after state: inout State, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    let dropout =
      dropoutRate > 0 ? draw.map { Dropout(rate: dropoutRate, draw: $0) } : nil
    var x = positions(x, from: state[0].position).dropped(by: dropout, site: 0)
    for index in blocks.indices {
      let site = 1 + index * Block<LogarithmicMemory>.dropoutSites
      x = blocks[index](x, after: &state[index], dropping: dropout?.from(site: site))
    }
    return finalNorm(x)
  }

  /// What several streams leave behind, in memory that stays where it is.
  public struct Streams: Sendable {
    /// Of each block.
    let memories: [LogarithmicMemory.Streams]
    /// Where each stream stands, as long as ``Trunk/positions`` ask.
    let positions: PositionBuffer
  }

  /// Memory for so many streams.
  public func makeStreams(_ count: Int) -> Streams {
    Streams(
      memories: blocks.map { $0.memory.makeStreams(count) },
      positions: PositionBuffer(repeatElement(0, count: count)))
  }

  /// Sets streams to states, of which there are as many.
  public func load(_ states: [State], into streams: Streams) {
    for (index, block) in blocks.enumerated() {
      block.memory.load(states.map { $0[index] }, into: streams.memories[index])
    }
    streams.positions.overwrite { Int64(states[$0][0].position) }
  }

  /// Sets one of several streams to its beginning, without allocating; the others stay as they are.
  func reset(_ stream: Int, in streams: Streams) {
    for index in 0..<blocks.count {
      blocks[index].memory.reset(stream, in: streams.memories[index])
    }
    streams.positions.overwrite(at: stream, with: 0)
  }

  /// Sets one of several streams to a state; the others stay as they are.
  public func load(_ state: State, of stream: Int, in streams: Streams) {
    for index in 0..<blocks.count {
      blocks[index].memory.load(state[index], of: stream, in: streams.memories[index])
    }
    streams.positions.overwrite(at: stream, with: Int64(state[0].position))
  }

  /// What a stream has left behind so far.
  public func state(of stream: Int, in streams: Streams) -> State {
    zip(blocks, streams.memories).map { $0.memory.state(of: stream, in: $1) }
  }

  /// The sequential form, for one token of each of B streams.
  ///
  /// - Parameters:
  ///   - x: `[B, E]`, a row per stream.
  ///   - streams: B streams, which may stand at different positions.
  /// - Returns: `[B, E]`, normed; a row depends on its own stream alone.
  public func step(_ x: Tensor, of streams: Streams) -> Tensor {
    var x = positions.step(x, at: streams.positions)
    for (block, memory) in zip(blocks, streams.memories) { x = block.step(x, of: memory) }
    return finalNorm(Variable(constant: x)).value
  }

  /// Lists positions, blocks and norm.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("position_embedding_table", &positions, visit)
    for index in blocks.indices { Self.visit("blocks.\(index)", &blocks[index], visit) }
    Self.visit("ln_f", &finalNorm, visit)
  }

  /// The bytes of one stream's state after so many tokens; it grows with their logarithm.
  public func stateByteCount(after tokens: Int) -> Int {
    blocks.reduce(0) { $0 + $1.memory.stateByteCount(after: tokens) }
  }
}

extension Trunk {
  /// A dictionary of this trunk's parameters, or of their gradients, with names and shapes as the
  /// published PyTorch code stores them; other entries stay.
  package func published(_ dictionary: StateDictionary) -> StateDictionary {
    blocks.indices.reduce(dictionary) { dictionary, index in
      blocks[index].memory.published(dictionary, under: "blocks.\(index).")
    }
  }

  /// The way back from ``published(_:)``.
  ///
  /// - Precondition: Entries under published names have the published shapes.
  package func adopted(_ dictionary: StateDictionary) -> StateDictionary {
    blocks.indices.reduce(dictionary) { dictionary, index in
      blocks[index].memory.adopted(dictionary, under: "blocks.\(index).")
    }
  }
}

/// A model around a trunk, whatever its task.
public protocol TrunkModel: Module {
  /// The sizes and kinds.
  var configuration: Configuration { get }
  /// What relates the inputs to each other.
  var trunk: Trunk { get }
}

extension TrunkModel {
  /// A dictionary of this model's parameters, or of their gradients, with names and shapes as the
  /// published PyTorch code stores them.
  public func published(_ dictionary: StateDictionary) -> StateDictionary {
    trunk.published(dictionary)
  }

  /// Loads parameters under their published names; on an error, none.
  public mutating func load(
    published dictionary: StateDictionary
  ) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: published(stateDictionary))
    try load(trunk.adopted(dictionary))
  }

  /// The bytes of one stream's state after so many tokens; it grows with their logarithm.
  public func stateByteCount(after tokens: Int) -> Int { trunk.stateByteCount(after: tokens) }
}
