public import LMNKernels

/// Streams that a network continues token by token: a value, so a copy is a fork.
///
/// They may stand at different positions. A step allocates nothing, as long as the logits that it
/// returned before are not kept; with several threads, each carries a share of the streams through
/// the whole network.
public struct SessionBatch: Sendable {
  /// The network.
  public let network: LogarithmicMemoryNetwork
  private var streams: RecordedStreams<TokenBuffer>
  private var logits: Tensor

  /// Streams that go on from `states`.
  ///
  /// - Parameters:
  ///   - network: What continues them.
  ///   - states: One per stream, at least one.
  ///   - context: Where to compute.
  public init(
    _ network: LogarithmicMemoryNetwork, states: [LogarithmicMemoryNetwork.State],
    in context: ExecutionContext = .current
  ) {
    precondition(!states.isEmpty, "SessionBatch: no streams")
    self.network = network
    streams = RecordedStreams(
      of: network.trunk, states: states, in: context,
      inputs: { TokenBuffer(repeatElement(0, count: $0)) }, step: network.step)
    logits = streams.outputs()
  }

  /// Streams at their beginning.
  public init(_ network: LogarithmicMemoryNetwork, streams count: Int) {
    self.init(network, states: .init(repeating: network.initialState, count: count))
  }

  /// How many streams there are.
  public var count: Int { streams.count }

  /// What the streams have left behind so far.
  public var states: [LogarithmicMemoryNetwork.State] { streams.states }

  /// Reads one token of every stream: logits `[B, V]` of the next.
  ///
  /// - Precondition: There are as many tokens as streams, each below the vocabulary's size.
  public mutating func step(_ tokens: [Token]) -> Tensor {
    precondition(tokens.count == count, "step: \(tokens.count) tokens for \(count) streams")
    return step { tokens[$0] }
  }

  /// The same with the token that a function gives for each stream.
  mutating func step(_ token: (_ stream: Int) -> Token) -> Tensor {
    if !isKnownUniquelyReferenced(&streams) { streams = streams.copied() }
    streams.step { tokens, range in
      tokens.overwrite { index in
        let stream = range.lowerBound + index
        let token = token(stream)
        expectToken(
          token, below: network.configuration.vocabularySize, operation: "step",
          "of stream \(stream)")
        return token
      }
    }
    streams.copyOutputs(to: &logits)
    return logits
  }
}
