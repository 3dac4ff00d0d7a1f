public import LMNKernels

extension LogarithmicMemory {
  /// Sets one of several streams to a state.
  public func load(_ state: State, of stream: Int, in streams: StreamTrees) {
    streams.load(stream, position: state.position, nodes: state.nodes, slots: state.slots)
  }
}
