public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A memory and a feed-forward map, each after a norm and beside a residual path.
public struct Block<M: Memory>: Module {
  /// Before the memory.
  public var memoryNorm: RMSNorm
  /// What relates tokens to each other.
  public var memory: M
  /// Before the feed-forward map.
  public var feedForwardNorm: RMSNorm
  /// What happens to every token by itself.
  public var feedForward: FeedForward

  init(width: Int, memory: M, feedForward: FeedForward) {
    memoryNorm = RMSNorm(width: width)
    self.memory = memory
    feedForwardNorm = RMSNorm(width: width)
    self.feedForward = feedForward
  }

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens.
  ///   - state: What the tokens before left; becomes what these leave. Gradients flow through it.
  ///   - dropout: What is dropped of both parts' outputs while the network learns.
  /// - Returns: `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout M.State, dropping dropout: Dropout? = nil
  ) -> Variable {
    let x = x + memory(memoryNorm(x), after: &state).dropped(by: dropout, site: 0)
    return x + feedForward(feedForwardNorm(x)).dropped(by: dropout, site: 1)
  }

  /// How many places there are where a block drops.
  static var dropoutSites: Int { 2 }

  /// The sequential form: `[B, E]` for one token of each of B streams.
  public func step(_ x: Tensor, of streams: M.Streams) -> Tensor {
    let remembered = memory.step(memoryNorm(Variable(constant: x)).value, of: streams)
    let x = Variable(constant: x.adding(remembered))
    return (x + feedForward(feedForwardNorm(x))).value
  }

  /// Lists norms, memory (whose parts stand in the block itself) and feed-forward map.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("norm1", &memoryNorm, visit)
    Self.visit("norm2", &feedForwardNorm, visit)
    memory.visitParameters(visit)
    Self.visit("feedforward", &feedForward, visit)
  }
}
