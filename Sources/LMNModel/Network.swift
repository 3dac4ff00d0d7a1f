public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A network for one task: embedding and head depend on the task, the trunk does not.
public protocol Network: StreamModule {
  /// Inputs of a chunk, or of one step of several streams: tokens, or rows of values.
  associatedtype Inputs: NetworkInputs
  /// Sizes and kinds.
  var configuration: Configuration { get }
  /// Blocks between embedding and head.
  var trunk: Trunk { get set }
  /// N: outputs of the head per input.
  var outputWidth: Int { get }

  /// Allocates inputs; their content is valid.
  func makeInputs(_ count: Int) -> Inputs
  /// The vectors `[L, E]` of L inputs.
  func embed(_ inputs: Inputs) -> Variable
  /// The outputs `[M, N]` of the trunk's vectors `[M, E]`.
  func head(of vectors: Variable) -> Variable
  /// The outputs `[M, N]` of the trunk's vectors `[M, E]` for M inputs; by default those of the head.
  func outputs(of vectors: Variable, for inputs: Inputs) -> Variable
}

/// A sequence of inputs, each of which a network embeds as one vector.
public protocol NetworkInputs: Sendable {
  /// Number of inputs.
  var length: Int { get }
  /// A part of the inputs.
  func slice(_ range: Range<Int>) -> Self
}

extension Buffer: NetworkInputs {
  /// Number of elements.
  public var length: Int { count }
  /// A copy of a range of elements.
  public func slice(_ range: Range<Int>) -> Buffer { Buffer(elements[range]) }
}

extension Tensor: NetworkInputs {
  /// Number of rows.
  public var length: Int { shape[0] }
  /// A range of rows.
  public func slice(_ range: Range<Int>) -> Tensor { rows(range) }
}

extension Network {
  /// The outputs of the head.
  public func outputs(of vectors: Variable, for inputs: Inputs) -> Variable { head(of: vectors) }

  /// The state before the first input.
  public var initialState: Trunk.State { trunk.initialState }

  /// The parallel form, over the next L inputs of a stream.
  ///
  /// - Parameters:
  ///   - inputs: At least one.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - draw: Dropout draw in training; nil for no dropout.
  /// - Returns: Outputs `[L, N]`.
  public func callAsFunction(
    _ inputs: Inputs, after state: inout Trunk.State, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var pass = trunk.pass(after: state.position, length: inputs.length, dropping: draw)
    return self(inputs, after: &state, &pass)
  }

  /// The parallel form, with a pass created by the caller.
  public func callAsFunction(
    _ inputs: Inputs, after state: inout Trunk.State, _ pass: inout Pass
  ) -> Variable {
    outputs(of: trunk(embed(inputs), after: &state, &pass), for: inputs)
  }

  /// The parallel form over a whole sequence.
  public func callAsFunction(_ inputs: Inputs, dropping draw: DropoutDraw? = nil) -> Variable {
    var state = initialState
    return self(inputs, after: &state, dropping: draw)
  }

  /// The parallel form over consecutive chunks, without gradients; chunks are computed in parallel.
  ///
  /// - Parameters:
  ///   - chunks: L inputs each.
  ///   - state: The state before them, updated to that after them.
  /// - Returns: Outputs `[L, N]` for each.
  public func read(_ chunks: [Inputs], after state: inout Trunk.State) -> [Tensor] {
    let context = ExecutionContext.current
    let embedded = context.map(chunks.count) { embed(chunks[$0]).value }
    let read = trunk.read(embedded, after: &state)
    return context.map(read.count) {
      outputs(of: Variable(constant: read[$0]), for: chunks[$0]).value
    }
  }

  /// The sequential form, for one input of each of B streams.
  ///
  /// - Parameters:
  ///   - inputs: One per stream.
  ///   - streams: B streams, which may be at different positions.
  /// - Returns: Outputs `[B, N]`.
  public func step(_ inputs: Inputs, of streams: Trunk.Streams) -> Tensor {
    let vectors = trunk.step(embed(inputs).value, of: streams)
    return outputs(of: Variable(constant: vectors), for: inputs).value
  }

  /// The sequential form on states that are values.
  ///
  /// - Parameters:
  ///   - inputs: One per stream.
  ///   - states: B states, which may be at different positions; updated.
  /// - Returns: Outputs `[B, N]`.
  public func step(_ inputs: Inputs, after states: inout [Trunk.State]) -> Tensor {
    let streams = trunk.streams(from: states)
    let outputs = step(inputs, of: streams)
    states = states.indices.map(streams.state)
    return outputs
  }

  /// Bytes of one stream's state at `position`.
  public func stateByteCount(at position: Int) -> Int { trunk.stateByteCount(at: position) }

  /// Converts a dictionary of this network's parameters, or of their gradients, to the names and
  /// shapes of the published PyTorch code.
  public func published(_ dictionary: StateDictionary) -> StateDictionary {
    trunk.published(dictionary)
  }

  /// Loads parameters under their published names; loads none on an error.
  public mutating func load(
    published dictionary: StateDictionary
  ) throws(StateDictionaryError) {
    try dictionary.expect(sameNamesAndShapesAs: publishedZeros)
    try load(trunk.adopted(dictionary))
  }

  /// Zeros under the published names and shapes; also for a network whose parameters have no values
  /// yet.
  package var publishedZeros: StateDictionary {
    published(
      StateDictionary(
        stateDictionary.layout.map { ($0.name, Tensor(shape: $0.shape, repeating: 0)) }))
  }
}

extension Network where Inputs == TokenBuffer {
  /// Allocates tokens, all of them 0.
  public func makeInputs(_ count: Int) -> TokenBuffer {
    TokenBuffer(repeatElement(0, count: count))
  }

  /// The parallel form over a whole sequence.
  public func callAsFunction(_ tokens: [Token]) -> Variable { self(TokenBuffer(tokens)) }

  /// The sequential form on states that are values.
  public func step(_ tokens: [Token], after states: inout [Trunk.State]) -> Tensor {
    step(TokenBuffer(tokens), after: &states)
  }
}
