internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// Key and value caches of B streams, at stable addresses.
final class CausalAttentionStreams: MemoryStreams {
  private let memory: CausalAttention
  private let caches: AttentionCaches

  init(of memory: CausalAttention, count: Int) {
    self.memory = memory
    caches = AttentionCaches(streams: count, width: memory.width, memory.shape)
  }

  /// The sequential form; allocates only where a cache grows by a chunk.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let qkv = memory.projections(of: Variable(constant: x), at: positions)
    let attended = caches.step(qkv.value, at: positions)
    return memory.output(Variable(constant: attended)).value
  }

  /// Nothing: the position tells which tokens of a cache are valid.
  func reset(_ row: Int) {}

  func load(_ state: MemoryState, at row: Int, position: Int) {
    caches.load(row, keys: state["keys"].value, values: state["values"].value, at: position)
  }

  func state(at row: Int, position: Int) -> MemoryState {
    let (keys, values) = caches.state(of: row, at: position)
    var state = memory.initialState
    (state["keys"], state["values"]) = (Variable(constant: keys), Variable(constant: values))
    return state
  }
}
