public import LMNKernels

/// One stream of a network: a value, so a copy is a fork.
///
/// Its state is a value while it reads in parallel form, and recorded memory at stable addresses while
/// it takes step after step.
public struct Session<N: Network>: Sendable {
  /// The network.
  public let network: N
  /// Inputs seen.
  public private(set) var position: Int
  private var form: Form
  private var outputs: Tensor

  private enum Form {
    case parallel(Trunk.State)
    case sequential(RecordedStreams<N>)
    /// Between two forms.
    case none
  }

  /// A stream that goes on from `state`; nil for one at its beginning.
  public init(_ network: N, state: Trunk.State? = nil) {
    self.network = network
    let state = state ?? network.initialState
    form = .parallel(state)
    position = state.position
    outputs = Tensor(shape: [1, network.outputWidth], repeating: 0)
  }

  /// The state of the stream.
  public var state: Trunk.State {
    switch form {
    case .parallel(let state): state
    case .sequential(let streams): streams.state(at: 0)
    case .none: preconditionFailure("Session: its state is asked for in the middle of a step")
    }
  }

  /// Takes one input, which `fill` writes: the outputs `[1, N]`.
  ///
  /// Nothing is allocated as long as the outputs of the step before are not kept.
  public mutating func step(filling fill: (N.Inputs) -> Void) -> Tensor {
    var streams: RecordedStreams<N>
    switch form {
    case .sequential(let current): streams = current
    case .parallel, .none: streams = recorded()
    }
    // So that the streams are nobody else's.
    form = .none
    if !isKnownUniquelyReferenced(&streams) { streams = recorded(from: streams.state(at: 0)) }
    streams.step(onlyRow) { inputs, _, _ in fill(inputs) }
    streams.copyOutputs(of: onlyRow, to: &outputs)
    form = .sequential(streams)
    position += 1
    return outputs
  }

  private func recorded(from state: Trunk.State? = nil) -> RecordedStreams<N> {
    RecordedStreams(network, states: [state ?? self.state], places: 1, in: .current)
  }

  /// Reads inputs in parallel form, in chunks of bounded size.
  ///
  /// - Parameters:
  ///   - inputs: The next inputs.
  ///   - body: Gets the outputs in order, `[L, N]` per chunk. If it throws, the session stands after
  ///     the chunk whose outputs it got.
  public mutating func read(
    _ inputs: N.Inputs, _ body: (Tensor) throws -> Void
  ) rethrows {
    var state = self.state
    defer { (form, position) = (.parallel(state), state.position) }
    let chunkLength = network.trunk.chunkLength
    for group in readingGroups(of: inputs.length, after: position, chunks: chunkLength) {
      try network.read(group.map(inputs.slice), after: &state).forEach(body)
    }
  }

  /// Reads inputs in parallel form: the outputs `[1, N]` of the last; nil when there are none.
  @discardableResult
  public mutating func read(_ inputs: N.Inputs) -> Tensor? {
    var last: Tensor?
    read(inputs) { outputs in last = outputs.rows(outputs.shape[0] - 1..<outputs.shape[0]) }
    return last
  }

  /// Number of inputs that all threads together read at once: a text that comes in pieces of a
  /// multiple of this is read as fast as in one.
  public var inputsAtOnce: Int {
    network.trunk.chunkLength * ExecutionContext.current.threadCount
  }
}

extension Session where N.Inputs == TokenBuffer {
  /// Takes one token: the outputs `[N]`, of a language network the logits of the next token.
  ///
  /// - Precondition: It is below the vocabulary's size.
  @discardableResult
  public mutating func step(_ token: Token) -> Tensor {
    expectToken(
      token, below: network.configuration.vocabularySize, operation: "step", "of a session")
    return step { $0.overwrite { _ in token } }.row
  }

  /// Reads tokens in parallel form: the outputs `[N]` of the last; nil when there are none.
  @discardableResult
  public mutating func read(_ tokens: [Token]) -> Tensor? { read(TokenBuffer(tokens))?.row }
}

extension Tensor {
  /// The only row of a matrix, as a vector.
  fileprivate var row: Tensor { reshaped([count]) }
}

/// The row of the only place.
private let onlyRow: [Int?] = [0]
