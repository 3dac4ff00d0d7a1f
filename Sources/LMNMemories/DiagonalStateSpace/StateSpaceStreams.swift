internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// States of B streams, at stable addresses.
final class StateSpaceStreams: MemoryStreams {
  private let memory: DiagonalStateSpace
  /// `[N / 2, 4, E]`.
  private let coefficients: Tensor
  private let states: StateSpaceStates

  init(of memory: DiagonalStateSpace, count: Int) {
    self.memory = memory
    coefficients = memory.coefficients.value
    states = StateSpaceStates(
      streams: count, states: memory.stateWidth / 2, width: memory.width)
  }

  /// The sequential form; the discretization is not part of it.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let s = x.stateSpace(
      coefficients: coefficients, skip: memory.skip.value, updating: states)
    return memory.mapped(Variable(constant: s)).value
  }

  func reset(_ row: Int) { states.reset(row) }

  func load(_ state: MemoryState, at row: Int, position: Int) {
    let (width, stateWidth) = (memory.width, memory.stateWidth)
    states.load(state["state"].value.reshaped([width, stateWidth]).transposed, at: row)
  }

  func state(at row: Int, position: Int) -> MemoryState {
    var state = memory.initialState
    state["state"] = Variable(
      constant: states.states(at: row).transposed.reshaped(
        [memory.width, memory.stateWidth / 2, 2]))
    return state
  }
}
