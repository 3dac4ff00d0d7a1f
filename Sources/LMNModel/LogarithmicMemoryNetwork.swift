public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A language model of logarithmic memories: embedding, trunk and head.
public struct LogarithmicMemoryNetwork: TrunkModel {
  /// The sizes and kinds.
  public let configuration: Configuration
  /// From tokens to vectors.
  public var embedding: Embedding
  /// What relates the tokens to each other.
  public var trunk: Trunk
  /// From vectors to logits.
  public var head: TokenHead

  /// A network with fresh parameters.
  public init(
    _ configuration: Configuration, initialisation: Initialisation = .reference,
    using generator: inout SeededGenerator
  ) throws(ConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    let width = configuration.width
    // As a head, a table of standard normal values would begin with logits of √E.
    embedding = Embedding(
      vocabularySize: configuration.vocabularySize, width: width,
      deviation: configuration.tiedHead ? 1 / Float(width).squareRoot() : 1, using: &generator)
    trunk = Trunk(configuration, initialisation: initialisation, using: &generator)
    head = TokenHead(
      width: width, vocabularySize: configuration.vocabularySize, isTied: configuration.tiedHead,
      using: &generator)
  }

  /// What a stream leaves behind.
  public typealias State = Trunk.State

  /// The state before the first token.
  public var initialState: State { trunk.initialState }

  /// The parallel form, over the next L tokens of a stream.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - state: What the tokens before left; becomes what these leave. Gradients flow through it.
  ///   - draw: Which values are dropped, for a network that learns; nil drops none.
  /// - Returns: Logits `[L, V]` of the token behind each.
  public func callAsFunction(
    _ tokens: TokenBuffer, after state: inout State, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    logits(of: trunk(embedding(tokens), after: &state, dropping: draw))
  }

  /// The logits `[M, V]` of what the trunk gives, `[M, E]`.
  func logits(of x: Variable) -> Variable { head(x, tiedTo: embedding.table) }

  /// The parallel form over a whole sequence.
  public func callAsFunction(
    _ tokens: TokenBuffer, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var state = initialState
    return self(tokens, after: &state, dropping: draw)
  }

  /// The parallel form over a whole sequence.
  public func callAsFunction(_ tokens: [Token]) -> Variable { self(TokenBuffer(tokens)) }

  /// The mean cross-entropy in nats, shape `[1]`, of predicting each target from the tokens so far.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - targets: The token behind each; where it is negative, none is predicted, and the mean is
  ///     over the others.
  ///   - draw: Which values are dropped, for a network that learns; nil drops none.
  /// - Returns: The loss.
  public func loss(
    of tokens: TokenBuffer, targets: TokenBuffer, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var state = initialState
    return loss(of: tokens, targets: targets, after: &state, dropping: draw)
  }

  /// The same over the next L tokens of a stream.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - targets: The token behind each, or a negative one.
  ///   - state: What the tokens before left; becomes what these leave. Gradients flow through it.
  ///   - draw: Which values are dropped, for a network that learns; nil drops none.
  /// - Returns: The loss.
  public func loss(
    of tokens: TokenBuffer, targets: TokenBuffer, after state: inout State,
    dropping draw: DropoutDraw? = nil
  ) -> Variable {
    self(tokens, after: &state, dropping: draw).crossEntropy(targets: targets)
      .mean(overTargets: targets)
  }

  /// The mean cross-entropy in nats, shape `[1]`, of predicting each target from the tokens so far.
  public func loss(of tokens: [Token], targets: [Token]) -> Variable {
    loss(of: TokenBuffer(tokens), targets: TokenBuffer(targets))
  }

  /// What several streams leave behind, in memory that stays where it is.
  public typealias Streams = Trunk.Streams

  /// The sequential form, for one token of each of B streams.
  ///
  /// - Parameters:
  ///   - tokens: One per stream.
  ///   - streams: B streams, which may stand at different positions.
  /// - Returns: Logits `[B, V]` of the tokens behind them.
  public func step(_ tokens: TokenBuffer, of streams: Streams) -> Tensor {
    logits(of: Variable(constant: trunk.step(embedding(tokens).value, of: streams))).value
  }

  /// How streams of tokens go on.
  var streamStep: StreamStep<TokenBuffer> {
    StreamStep(of: trunk, outputWidth: configuration.vocabularySize, take: step)
  }

  /// The sequential form on states that are values.
  ///
  /// - Parameters:
  ///   - tokens: One per stream.
  ///   - states: B states, which may stand at different positions.
  /// - Returns: Logits `[B, V]` of the tokens behind them.
  public func step(_ tokens: [Token], after states: inout [State]) -> Tensor {
    let streams = trunk.makeStreams(states.count)
    trunk.load(states, into: streams)
    let logits = step(TokenBuffer(tokens), of: streams)
    states = states.indices.map { trunk.state(of: $0, in: streams) }
    return logits
  }

  /// Lists embedding, trunk and head.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("token_embedding_table", &embedding, visit)
    trunk.visitParameters(visit)
    Self.visit("lm_head", &head, visit)
  }
}
