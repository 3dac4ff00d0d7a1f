public import LMNKernels

/// Streaming inference on one stream.
///
/// It is a value: a copy is a fork. The state is a value while the session reads in parallel form,
/// and lies in recorded memory at stable addresses while it takes decode steps.
public struct Session<N: Network>: Sendable {
  /// The network.
  public let network: N
  /// Number of inputs read.
  public private(set) var position: Int
  private var form: Form
  private var outputs: Tensor

  private enum Form {
    case parallel(Trunk.State)
    case sequential(RecordedStreams<N>)
    /// Temporary value while the form changes.
    case none
  }

  /// A session that continues from `state`; nil for the beginning of a stream.
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
    case .none: preconditionFailure("Session: state read during a step")
    }
  }

  /// Takes a decode step with the input that `fill` writes.
  ///
  /// Allocates nothing unless the caller keeps the outputs of the step before.
  ///
  /// - Parameter fill: Writes the input.
  /// - Returns: Outputs `[1, N]`.
  public mutating func step(filling fill: (N.Inputs) -> Void) -> Tensor {
    var streams: RecordedStreams<N>
    switch form {
    case .sequential(let current): streams = current
    case .parallel, .none: streams = recorded()
    }
    // Releases this reference, so that the streams can be uniquely referenced.
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
  ///   - body: Receives the outputs in order, `[L, N]` per chunk. If it throws, the session stays
  ///     at the end of the chunk whose outputs it received.
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

  /// Reads inputs in parallel form; returns the outputs `[1, N]` of the last, or nil without
  /// inputs.
  @discardableResult
  public mutating func read(_ inputs: N.Inputs) -> Tensor? {
    var last: Tensor?
    read(inputs) { outputs in last = outputs.rows(outputs.shape[0] - 1..<outputs.shape[0]) }
    return last
  }

  /// Number of inputs that all threads together read at once.
  ///
  /// A text in pieces of a multiple of this is read as fast as in one piece.
  public var inputsAtOnce: Int {
    network.trunk.chunkLength * ExecutionContext.current.threadCount
  }
}

extension Session where N.Inputs == TokenBuffer {
  /// Takes a decode step with one token.
  ///
  /// - Precondition: The token is below the vocabulary's size.
  /// - Returns: Outputs `[N]`; of a language network the logits of the next token.
  @discardableResult
  public mutating func step(_ token: Token) -> Tensor {
    expectToken(
      token, below: network.configuration.vocabularySize, operation: "step", "of a session")
    return step { $0.overwrite { _ in token } }.row
  }

  /// Reads tokens in parallel form; returns the outputs `[N]` of the last, or nil without tokens.
  @discardableResult
  public mutating func read(_ tokens: [Token]) -> Tensor? { read(TokenBuffer(tokens))?.row }
}

extension Tensor {
  /// The only row of a matrix, as a vector.
  fileprivate var row: Tensor { reshaped([count]) }
}

/// The row of the only place.
private let onlyRow: [Int?] = [0]
