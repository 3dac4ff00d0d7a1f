public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A language model of logarithmic memories: embedding, blocks, norm and head.
public struct LogarithmicMemoryNetwork: Module {
  /// The sizes and kinds.
  public let configuration: Configuration
  /// From tokens to vectors.
  public var embedding: Embedding
  /// The blocks, in order.
  public var blocks: [Block<LogarithmicMemory>]
  /// After the last block.
  public var finalNorm: LayerNorm
  /// From vectors to logits.
  public var head: Linear

  /// A network with fresh parameters.
  public init(
    _ configuration: Configuration, initialisation: Initialisation = .reference,
    using generator: inout SeededGenerator
  ) throws(ConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    let width = configuration.width
    embedding = Embedding(
      vocabularySize: configuration.vocabularySize, width: width, using: &generator)
    blocks = []
    for _ in 0..<configuration.layers {
      let memory = LogarithmicMemory(
        width: width, heads: configuration.heads, banks: configuration.banks,
        summarizer: configuration.summarizer, initialisation: initialisation, using: &generator)
      let feedForward = FeedForward(
        width: width, factor: configuration.feedForward, using: &generator)
      blocks.append(Block(width: width, memory: memory, feedForward: feedForward))
    }
    finalNorm = LayerNorm(width: width)
    head = Linear(inputs: width, outputs: configuration.vocabularySize, using: &generator)
  }

  /// What a stream leaves behind: a state per block.
  public typealias State = [LogarithmicMemory.State]

  /// The state before the first token.
  public var initialState: State { blocks.map(\.memory.initialState) }

  /// The parallel form, over the next L tokens of a stream.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - state: What the tokens before left; becomes what these leave. No gradient flows through it.
  /// - Returns: Logits `[L, V]` of the token behind each.
  public func callAsFunction(_ tokens: TokenBuffer, after state: inout State) -> Variable {
    var x = embedding(tokens)
    for index in blocks.indices { x = blocks[index](x, after: &state[index]) }
    return head(finalNorm(x))
  }

  /// The parallel form over a whole sequence.
  public func callAsFunction(_ tokens: TokenBuffer) -> Variable {
    var state = initialState
    return self(tokens, after: &state)
  }

  /// The parallel form over a whole sequence.
  public func callAsFunction(_ tokens: [Token]) -> Variable { self(TokenBuffer(tokens)) }

  /// The mean cross-entropy in nats, shape `[1]`, of predicting each target from the tokens so far.
  public func loss(of tokens: TokenBuffer, targets: TokenBuffer) -> Variable {
    self(tokens).crossEntropy(targets: targets).mean()
  }

  /// The mean cross-entropy in nats, shape `[1]`, of predicting each target from the tokens so far.
  public func loss(of tokens: [Token], targets: [Token]) -> Variable {
    loss(of: TokenBuffer(tokens), targets: TokenBuffer(targets))
  }

  /// What several streams leave behind, in memory that stays where it is: of each block.
  public typealias Streams = [LogarithmicMemory.Streams]

  /// Memory for so many streams.
  public func makeStreams(_ count: Int) -> Streams { blocks.map { $0.memory.makeStreams(count) } }

  /// Sets streams to states, of which there are as many.
  public func load(_ states: [State], into streams: Streams) {
    for (index, block) in blocks.enumerated() {
      block.memory.load(states.map { $0[index] }, into: streams[index])
    }
  }

  /// What a stream has left behind so far.
  public func state(of stream: Int, in streams: Streams) -> State {
    zip(blocks, streams).map { $0.memory.state(of: stream, in: $1) }
  }

  /// The sequential form, for one token of each of B streams.
  ///
  /// - Parameters:
  ///   - tokens: One per stream.
  ///   - streams: B streams, which may stand at different positions.
  /// - Returns: Logits `[B, V]` of the tokens behind them.
  public func step(_ tokens: TokenBuffer, of streams: Streams) -> Tensor {
    var x = embedding(tokens).value
    for (block, streams) in zip(blocks, streams) { x = block.step(x, of: streams) }
    return head(finalNorm(Variable(constant: x))).value
  }

  /// The sequential form on states that are values.
  ///
  /// - Parameters:
  ///   - tokens: One per stream.
  ///   - states: B states, which may stand at different positions.
  /// - Returns: Logits `[B, V]` of the tokens behind them.
  public func step(_ tokens: [Token], after states: inout [State]) -> Tensor {
    let streams = makeStreams(states.count)
    load(states, into: streams)
    let logits = step(TokenBuffer(tokens), of: streams)
    states = states.indices.map { state(of: $0, in: streams) }
    return logits
  }

  /// Lists embedding, blocks, norm and head.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("token_embedding_table", &embedding, visit)
    for index in blocks.indices { Self.visit("blocks.\(index)", &blocks[index], visit) }
    Self.visit("ln_f", &finalNorm, visit)
    Self.visit("lm_head", &head, visit)
  }
}

extension LogarithmicMemoryNetwork {
  /// A dictionary of this network's parameters, or of their gradients, with names and shapes as the
  /// published PyTorch code stores them.
  public func published(_ dictionary: StateDictionary) -> StateDictionary {
    blocks.indices.reduce(dictionary) { dictionary, index in
      blocks[index].memory.published(dictionary, under: "blocks.\(index).")
    }
  }

  /// Loads parameters under their published names; on an error, none.
  public mutating func load(
    published dictionary: StateDictionary
  ) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: published(stateDictionary))
    try load(
      blocks.indices.reduce(dictionary) { dictionary, index in
        blocks[index].memory.adopted(dictionary, under: "blocks.\(index).")
      })
  }
}

extension LogarithmicMemoryNetwork {
  /// The bytes of one stream's state after so many tokens; it grows with their logarithm.
  public func stateByteCount(after tokens: Int) -> Int {
    let rows = Tree(start: tokens, length: 1, banks: configuration.banks).carriedRows.count
    let node = 3 * configuration.width * MemoryLayout<Float>.size
    return configuration.layers * rows * node
  }
}
