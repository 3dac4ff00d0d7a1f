public import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Mixture of memories (arXiv 2502.13685): a router sends every token to k of M linear-attention
/// memories, and their outputs are added, weighted by the router.
///
/// A memory changes only by the tokens that it receives: nothing decays or shifts in between.
/// Optionally, one more memory receives every token, with weight 1.
///
/// State: as that of ``LinearMemory``, with G = M, or M + 1 with a shared memory, which is the last.
/// Its routing is added to the pass.
public struct MixtureOfMemories: Memory {
  /// Router `[M, E]`: logits of the memories.
  public var router: Variable
  /// The memories; with separate projections, a set for each.
  public var memory: LinearMemory
  /// Sizes and kinds.
  public let settings: Settings

  /// A mixture with parameters from `source`.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - settings: Sizes and kinds, which are valid.
  ///   - source: Source of the parameters.
  public init(width: Int, _ settings: Settings, using source: inout ParameterSource) {
    self.settings = settings
    router = source.parameter(
      [settings.memories, width], .uniform(bound: 1 / Float(width).squareRoot()))
    memory = LinearMemory(
      width: width, settings.linear,
      sets: settings.sharedProjections ? 1 : settings.states, using: &source)
  }

  /// The state before the first token: zeros.
  public var initialState: MemoryState { memory.initialState(of: settings.states) }

  /// The parallel form: `[L, E]` for the next L tokens `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let routing = route(x)
    pass.routings.append(routing)
    return memory.recall(x, by: Dispatch(routing, isShared: settings.shared), after: &state)
  }

  /// The state after L tokens, without outputs and routing.
  public func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    memory.advance(&state, over: x, by: Dispatch(route(x), isShared: settings.shared))
  }

  /// The memories that receive the tokens `[L, E]`.
  public func route(_ x: Variable) -> Routing {
    Routing(logits: x.linear(weight: router), routed: settings.topK)
  }

  /// One layout: recordings depend on the length only.
  public func layout(start: Int, length: Int) -> [Int] { [length] }

  /// Allocates state for `count` streams.
  public func makeStreams(_ count: Int) -> any MemoryStreams {
    LinearStreams(of: memory, memories: settings.states, count: count) { [self] x, streams in
      let routing = route(Variable(constant: x))
      return memory.recall(x, by: Dispatch(routing, isShared: settings.shared), in: streams)
    }
  }

  /// Visits the router and the memories, under the names of a ``LinearMemory``.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("router.weight", &router)
    memory.visitParameters(visit)
  }
}
