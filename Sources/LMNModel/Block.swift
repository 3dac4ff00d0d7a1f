public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Block: norm, memory, residual, then norm, feed-forward layer, residual.
public struct Block: Module {
  /// Norm before the memory.
  public var memoryNorm: Norm
  /// The memory.
  public var memory: any Memory
  /// Norm before the feed-forward layer.
  public var feedForwardNorm: Norm
  /// The feed-forward layer.
  public var feedForward: FeedForward

  /// A block of a network.
  ///
  /// - Parameters:
  ///   - index: Index of the block.
  ///   - settings: Configuration of the network, which is valid.
  ///   - source: Source of the parameters.
  init(at index: Int, of settings: Trunk.Settings, using source: inout ParameterSource) {
    let width = settings.width
    memory = settings.memory(ofBlock: index).settings.makeMemory(width: width, using: &source)
    feedForward = FeedForward(
      width: width, factor: settings.feedForward, activation: settings.activation,
      using: &source)
    memoryNorm = Norm(settings.norm, width: width, using: &source)
    feedForwardNorm = Norm(settings.norm, width: width, using: &source)
  }

  /// The parallel form.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens.
  ///   - state: The memory's state before them, updated to that after them.
  ///   - pass: The pass; its dropout is applied to both parts' outputs.
  /// - Returns: `[L, E]`.
  public func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let remembered = memory(memoryNorm(x), after: &state, &pass)
    let x = x + remembered.dropped(by: pass.dropout, site: 0)
    return x + feedForward(feedForwardNorm(x)).dropped(by: pass.dropout, site: 1)
  }

  /// The memory's state after L tokens, `[L, E]`, without outputs.
  func advance(_ state: inout MemoryState, over x: Variable, _ pass: inout Pass) {
    memory.advance(&state, over: memoryNorm(x), &pass)
  }

  /// Number of dropout sites in a block.
  static var dropoutSites: Int { 2 }

  /// The sequential form: `[B, E]` for one token of each of B streams.
  public func step(
    _ x: Tensor, of streams: any MemoryStreams, at positions: PositionBuffer
  ) -> Tensor {
    let remembered = streams.step(memoryNorm(Variable(constant: x)).value, at: positions)
    let x = Variable(constant: x.adding(remembered))
    return (x + feedForward(feedForwardNorm(x))).value
  }

  /// The parallel form over consecutive chunks, without gradients.
  ///
  /// - Parameters:
  ///   - chunks: `[L, E]` each.
  ///   - state: The memory's state before them, updated to that after them.
  ///   - start: Position of the first token.
  /// - Returns: `[L, E]` for each.
  public func read(
    _ chunks: [Tensor], after state: inout MemoryState, start: Int
  ) -> [Tensor] {
    let context = ExecutionContext.current
    let normed = context.map(chunks.count) { index in
      memoryNorm(Variable(constant: chunks[index])).value
    }
    let remembered = memory.read(normed, after: &state, start: start)
    return context.map(chunks.count) { index in
      let x = Variable(constant: chunks[index].adding(remembered[index]))
      return (x + feedForward(feedForwardNorm(x))).value
    }
  }

  /// Visits norms, memory (parameters under the names of the block itself) and feed-forward layer.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("norm1", &memoryNorm)
    visit("norm2", &feedForwardNorm)
    memory.visitParameters(visit)
    visit("feedforward", &feedForward)
  }
}
