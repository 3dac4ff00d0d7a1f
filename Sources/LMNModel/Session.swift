internal import LMNAutodiff
public import LMNKernels
internal import LMNMemories

/// A stream that a network reads and continues: a value, so a copy is a fork.
public struct Session: Sendable {
  /// The network.
  public let network: LogarithmicMemoryNetwork
  /// What the stream has left so far.
  public private(set) var state: LogarithmicMemoryNetwork.State

  /// A stream that goes on from `state`, or begins.
  public init(
    _ network: LogarithmicMemoryNetwork, state: LogarithmicMemoryNetwork.State? = nil
  ) {
    self.network = network
    self.state = state ?? network.initialState
  }

  /// Tokens seen.
  public var position: Int { state[0].position }

  /// Reads one token: logits `[V]` of the next.
  public mutating func step(_ token: Token) -> Tensor {
    var states = [state]
    state = []
    let logits = network.step([token], after: &states)
    state = states[0]
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

  /// The same, with the logits of every token: `body` gets them in stretches `[≤ 1024, V]`.
  public mutating func readStretches(_ tokens: [Token], _ body: (Tensor) throws -> Void) rethrows {
    for begin in stride(from: 0, to: tokens.count, by: Self.stretch) {
      let end = min(begin + Self.stretch, tokens.count)
      try body(network(TokenBuffer(tokens[begin..<end]), after: &state).value)
    }
  }

  /// Tokens that are read at once: enough to fill the kernels, few enough to bound memory.
  private static let stretch = 1024
}
