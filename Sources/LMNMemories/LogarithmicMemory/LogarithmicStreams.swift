internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// Trees of B streams, at stable addresses.
final class LogarithmicStreams: MemoryStreams {
  private let memory: LogarithmicMemory
  private let trees: StreamTrees

  init(of memory: LogarithmicMemory, count: Int) {
    self.memory = memory
    trees = StreamTrees(
      streams: count, width: memory.width, heads: memory.heads, shape: memory.shape,
      hasLevelBias: memory.levelBias != nil, pinnedCount: memory.pinning?.count ?? 0)
  }

  /// The sequential form: computes and projects only the nodes that the token finishes.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    trees.step(
      x, at: positions, summary: memory.summarizer.summary,
      expansion: memory.expander?.expansion,
      queryValue: memory.queryValue.weight.value.transposed,
      queryValueBias: memory.queryValue.bias.value, levelBias: memory.levelBias?.value,
      windowBias: memory.windowBias?.value)
    let tokens = Variable(constant: x)
    let attended = memory.key(tokens).value.singleVectorAttention(over: trees)
    if let pinning = memory.pinning {
      let scores = pinning.score(tokens).value
      trees.pin(x, scores: scores, gates: scores.logSigmoid())
    }
    return memory.output(Variable(constant: attended)).value
  }

  func reset(_ row: Int) { trees.reset(row) }

  func load(_ state: MemoryState, at row: Int, position: Int) {
    let nodes = state["nodes"].value
    let (pinned, scores) =
      memory.pinning == nil
      ? (Tensor(shape: [0, memory.width], scalars: []), Tensor(shape: [0, 1], scalars: []))
      : (state["pinned"].value, state["pinned_scores"].value)
    let slots = memory.queryValue(Variable(constant: .concatenatingRows([nodes, pinned]))).value
    trees.load(
      row, StreamTreeState(nodes: nodes, pinned: pinned, pinnedScores: scores), at: position,
      slots: slots, gates: scores.logSigmoid(), levelBias: memory.levelBias?.value)
  }

  func state(at row: Int, position: Int) -> MemoryState {
    let found = trees.state(of: row, at: position)
    var state = memory.initialState
    state["nodes"] = Variable(constant: found.nodes)
    if memory.pinning != nil {
      state["pinned"] = Variable(constant: found.pinned)
      state["pinned_scores"] = Variable(constant: found.pinnedScores)
    }
    return state
  }
}
