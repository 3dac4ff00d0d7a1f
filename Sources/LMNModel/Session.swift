internal import LMNAutodiff
public import LMNKernels
internal import LMNMemories

/// A stream that a network reads and continues: a value, so a copy is a fork.
public struct Session: Sendable {
  /// The network.
  public let network: LogarithmicMemoryNetwork
  private var stream: ModelStream<TokenBuffer>

  /// A stream that goes on from `state`, or begins.
  public init(
    _ network: LogarithmicMemoryNetwork, state: LogarithmicMemoryNetwork.State? = nil
  ) {
    self.network = network
    stream = ModelStream(network.streamStep, from: state)
  }

  /// What the stream has left so far.
  public var state: LogarithmicMemoryNetwork.State { stream.state }

  /// Tokens seen.
  public var position: Int { stream.position }

  /// Reads one token: logits `[V]` of the next.
  ///
  /// - Precondition: It is below the vocabulary's size.
  public mutating func step(_ token: Token) -> Tensor {
    expectToken(
      token, below: network.configuration.vocabularySize, operation: "step", "of a session")
    let logits = stream.step { $0.overwrite { _ in token } }
    return logits.reshaped([logits.count])
  }

  /// Reads any number of tokens, in parallel stretches of bounded size: logits `[V]` behind the
  /// last; nil when there are none.
  @discardableResult
  public mutating func read(_ tokens: [Token]) -> Tensor? {
    var last: Tensor?
    readStretches(tokens) { logits in last = logits.rows(logits.shape[0] - 1..<logits.shape[0]) }
    return last.map { $0.reshaped([$0.count]) }
  }

  /// The same, with the logits of every token: `body` gets them in order, a stretch `[L, V]` at a
  /// time.
  public mutating func readStretches(_ tokens: [Token], _ body: (Tensor) throws -> Void) rethrows {
    try stream.read(tokens.count) { stretches, state in
      try network.read(stretches.map { tokens[$0] }, after: &state).forEach(body)
    }
  }
}
