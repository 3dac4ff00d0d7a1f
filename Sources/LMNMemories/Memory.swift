public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// A memory over a sequence, with two forms that compute the same function.
///
/// The *parallel* form takes a chunk of tokens; training and prefill use it. The *sequential* form
/// takes one token and a small state. Any cut of a stream into chunks and single tokens gives the
/// same outputs, to rounding.
///
/// The position of a stream is not part of a memory's state: callers pass the positions of the
/// tokens.
public protocol Memory: Module {
  /// The state before the first token.
  ///
  /// It may depend on parameters: then gradients flow to them from every run that begins a stream.
  /// Of a memory whose parameters only have shapes, it has these shapes and no values.
  var initialState: MemoryState { get }

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens of the stream.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass; the routing of a router is added to it.
  /// - Returns: `[L, E]`.
  func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable

  /// The state after L tokens, as the parallel form gives it, without outputs.
  ///
  /// - Parameters:
  ///   - state: The state before the tokens, updated to that after them.
  ///   - x: `[L, E]`, the next L tokens of the stream.
  ///   - pass: The pass.
  func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass)

  /// Preferred length of chunks that are computed in parallel: enough tokens for the kernels'
  /// blocking, few enough for a thread's cache. Such chunks begin at multiples of it.
  var chunkLength: Int { get }

  /// The parallel form over consecutive chunks, without gradients; chunks are computed in parallel
  /// if the memory allows it.
  ///
  /// - Parameters:
  ///   - chunks: `[L, E]` each.
  ///   - state: The state before them, updated to that after them.
  ///   - start: Position of the first token.
  /// - Returns: `[L, E]` for each.
  func read(_ chunks: [Tensor], after state: inout MemoryState, start: Int) -> [Tensor]

  /// Allocates state for `count` streams, all of them at their initial state.
  func makeStreams(_ count: Int) -> any MemoryStreams

  /// Names and shapes of the tensors of a state at `position`, as files hold them.
  func stateShapes(at position: Int) -> [(name: String, shape: [Int])]

  /// Key of a recorded computation: equal for two starts only if the parallel form over `length`
  /// tokens makes the same kernel calls from both.
  func layout(start: Int, length: Int) -> [Int]

  /// Parameters that published checkpoints store under other names or in other layouts.
  var publishedForms: [PublishedForm] { get }
}

extension Memory {
  /// No parameters with a published form of their own.
  public var publishedForms: [PublishedForm] { [] }

  /// The parallel form, whose outputs are left out.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    _ = self(x, after: &state, &pass)
  }

  /// 512.
  public var chunkLength: Int { 512 }

  /// The parallel form over chunks, in sequence.
  public func read(_ chunks: [Tensor], after state: inout MemoryState, start: Int) -> [Tensor] {
    readInTurn(chunks, after: &state, start: start)
  }

  /// The parallel form over chunks, in sequence.
  package func readInTurn(
    _ chunks: [Tensor], after state: inout MemoryState, start: Int
  ) -> [Tensor] {
    var start = start
    return chunks.map { chunk in
      var pass = Pass(start: start, length: chunk.shape[0])
      start += chunk.shape[0]
      return self(Variable(constant: chunk), after: &state, &pass).value
    }
  }

  /// Shapes of the initial state, for memories with a state of fixed size.
  public func stateShapes(at position: Int) -> [(name: String, shape: [Int])] {
    initialState.shapes
  }

  /// A layout per start: no two starts share a recording.
  public func layout(start: Int, length: Int) -> [Int] { [start] }
}

/// States of B streams at stable addresses, so that a step can be recorded.
public protocol MemoryStreams: AnyObject, Sendable {
  /// The sequential form, for one token of each stream; updates the states.
  ///
  /// - Parameters:
  ///   - x: `[B, E]`, a row per stream.
  ///   - positions: Positions of the tokens; streams may be at different ones.
  /// - Returns: `[B, E]`; a row depends on its own stream alone.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor

  /// Resets one stream to its initial state; allocates nothing.
  func reset(_ row: Int)

  /// Sets one stream to a state.
  ///
  /// - Parameters:
  ///   - state: The state, with the parts of the memory's initial state.
  ///   - row: Row of the stream.
  ///   - position: Number of tokens before the state.
  func load(_ state: MemoryState, at row: Int, position: Int)

  /// State of one stream.
  ///
  /// - Parameters:
  ///   - row: Row of the stream.
  ///   - position: Number of tokens before the state.
  /// - Returns: The state.
  func state(at row: Int, position: Int) -> MemoryState
}
