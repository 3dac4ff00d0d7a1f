public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// A memory over a sequence, with two forms that compute the same function.
///
/// The *parallel* form takes a whole stretch of tokens and is what training and reading a prompt
/// use. The *sequential* form takes one token and a small state. They may be mixed at will: any cut
/// of a stream into stretches and steps gives the same outputs, to rounding.
public protocol Memory: Module {
  /// What a stream leaves behind: a value, so it can be copied, saved, restored and forked.
  associatedtype State: Sendable
  /// What several streams leave behind, in memory that stays where it is: a step on it can be
  /// recorded.
  associatedtype Streams: Sendable

  /// The state before the first token.
  var initialState: State { get }

  /// The same state, through which no gradient flows.
  func detached(_ state: State) -> State

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - tokens: `[L, E]`, the next L tokens of the stream.
  ///   - state: What the tokens before left; becomes what these leave. Gradients flow through it.
  /// - Returns: `[L, E]`.
  func callAsFunction(_ tokens: Variable, after state: inout State) -> Variable

  /// How long stretches are best that are read side by side: enough tokens to fill the kernels, few
  /// enough to stay in a thread's cache. They begin at multiples of their length.
  var stretchLength: Int { get }

  /// The parallel form over stretches that follow each other, without gradients; all threads work
  /// on them side by side.
  ///
  /// - Parameters:
  ///   - stretches: `[L, E]` each.
  ///   - state: What the tokens before left; becomes what these leave.
  /// - Returns: `[L, E]` for each.
  func read(_ stretches: [Tensor], after state: inout State) -> [Tensor]

  /// Memory for so many streams.
  func makeStreams(_ count: Int) -> Streams

  /// Sets one of several streams to its beginning, without allocating; the others stay as they are.
  func reset(_ stream: Int, in streams: Streams)

  /// Sets one of several streams to a state; the others stay as they are.
  func load(_ state: State, of stream: Int, in streams: Streams)

  /// What a stream has left behind so far.
  func state(of stream: Int, in streams: Streams) -> State

  /// The sequential form, for one token of each of B streams.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`, a row per stream.
  ///   - streams: B streams, which may stand at different positions.
  /// - Returns: `[B, E]`; a row depends on its own stream alone.
  func step(_ tokens: Tensor, of streams: Streams) -> Tensor
}

extension Memory {
  /// 512.
  public var stretchLength: Int { 512 }

  /// The parallel form over stretches, one after the other.
  public func read(_ stretches: [Tensor], after state: inout State) -> [Tensor] {
    stretches.map { self(Variable(constant: $0), after: &state).value }
  }

  /// Sets streams to `states`, of which there are as many.
  public func load(_ states: [State], into streams: Streams) {
    for (stream, state) in states.enumerated() { load(state, of: stream, in: streams) }
  }

  /// Streams that go on from `states`.
  public func streams(from states: [State]) -> Streams {
    let streams = makeStreams(states.count)
    load(states, into: streams)
    return streams
  }

  /// The sequential form on states that are values.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`, a row per stream.
  ///   - states: B states, which may stand at different positions.
  /// - Returns: `[B, E]`; a row depends on its own stream alone.
  public func step(_ tokens: Tensor, after states: inout [State]) -> Tensor {
    let streams = streams(from: states)
    let outputs = step(tokens, of: streams)
    states = states.indices.map { state(of: $0, in: streams) }
    return outputs
  }
}
