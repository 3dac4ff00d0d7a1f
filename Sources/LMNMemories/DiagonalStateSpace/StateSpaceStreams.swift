internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// States of B streams, at stable addresses.
///
/// `@unchecked Sendable` because the states are overwritten in place: only one thread at a time may
/// step.
final class StateSpaceStreams: MemoryStreams, @unchecked Sendable {
  private let memory: DiagonalStateSpace
  /// `[N / 2, 4, E]`.
  private let coefficients: Tensor
  /// `[B, N, E]`.
  private let states: Tensor

  init(of memory: DiagonalStateSpace, count: Int) {
    self.memory = memory
    coefficients = memory.coefficients.value
    states = Tensor(
      overwritable: Tensor(shape: [count, memory.stateWidth, memory.width], repeating: 0))
  }

  /// The sequential form; the discretization is not part of it.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let s = x.stateSpaceStep(
      coefficients: coefficients, skip: memory.skip.value, updating: states)
    return memory.mapped(Variable(constant: s)).value
  }

  func reset(_ row: Int) {
    let count = memory.stateWidth * memory.width
    states.overwrite { ($0 + row * count).update(repeating: 0, count: count) }
  }

  func load(_ state: MemoryState, at row: Int, position: Int) {
    let transposed = state["state"].value.reshaped([memory.width, memory.stateWidth]).transposed
    self[row].overwrite(withScalarsOf: transposed)
  }

  func state(at row: Int, position: Int) -> MemoryState {
    var state = memory.initialState
    state["state"] = Variable(
      constant: self[row].transposed.reshaped([memory.width, memory.stateWidth / 2, 2]))
    return state
  }

  /// States of one stream, `[N, E]`.
  private subscript(row: Int) -> Tensor {
    states.rows(row..<row + 1).reshaped([memory.stateWidth, memory.width])
  }
}
