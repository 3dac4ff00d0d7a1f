internal import LMNAutodiff
public import LMNKernels
internal import LMNMemories

/// A stream that a network reads and continues: a value, so a copy is a fork.
public struct Session: Sendable {
  /// The network.
  public let network: LogarithmicMemoryNetwork
  private var form: Form

  /// How the stream's state is kept: as a value while it reads in parallel, and in a batch of one
  /// while it takes token by token.
  private enum Form {
    case parallel(LogarithmicMemoryNetwork.State)
    case sequential(SessionBatch)
  }

  /// A stream that goes on from `state`, or begins.
  public init(
    _ network: LogarithmicMemoryNetwork, state: LogarithmicMemoryNetwork.State? = nil
  ) {
    self.network = network
    let state = state ?? network.initialState
    form = .parallel(state)
    position = state[0].position
  }

  /// What the stream has left so far.
  public var state: LogarithmicMemoryNetwork.State {
    switch form {
    case .parallel(let state): state
    case .sequential(let batch): batch.states[0]
    }
  }

  /// Tokens seen.
  public private(set) var position: Int

  /// Reads one token: logits `[V]` of the next.
  public mutating func step(_ token: Token) -> Tensor {
    var batch: SessionBatch
    switch form {
    case .parallel(let state): batch = SessionBatch(network, states: [state])
    case .sequential(let current): batch = current
    }
    // So that the batch is nobody else's.
    form = .parallel([])
    let logits = batch.step { _ in token }
    form = .sequential(batch)
    position += 1
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

  /// The same, with the logits of every token: `body` gets them in order, a stretch `[≤ 512, V]` at a
  /// time.
  public mutating func readStretches(_ tokens: [Token], _ body: (Tensor) throws -> Void) rethrows {
    var state = self.state
    defer { form = .parallel(state) }
    for group in readingGroups(
      of: tokens.count, after: position, stretches: network.trunk.stretchLength)
    {
      let logits = network.read(group.map { tokens[$0] }, after: &state)
      position += group.reduce(0) { $0 + $1.count }
      try logits.forEach(body)
    }
  }
}
