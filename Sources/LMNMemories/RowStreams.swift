internal import LMNAutodiff
public import LMNKernels
internal import LMNLayers

/// Streams of a memory whose state has a fixed shape: per part of the state a tensor with one row
/// per stream.
///
/// `@unchecked Sendable` because the rows are overwritten in place: only one thread at a time may
/// step.
public final class RowStreams: MemoryStreams, @unchecked Sendable {
  /// Step function: outputs and new rows.
  public typealias Step =
    @Sendable (
      _ x: Tensor, _ rows: [Tensor], _ positions: PositionBuffer
    ) -> (outputs: Tensor, rows: [Tensor])

  private let initialState: MemoryState
  /// `[B, …]` per part, flattened.
  private let rows: [Tensor]
  private let initialRows: [Tensor]
  private let step: Step

  /// Streams at their initial state.
  ///
  /// - Parameters:
  ///   - count: B.
  ///   - initialState: Initial state of every stream.
  ///   - step: The sequential form. It receives `[B, E]`, a matrix `[B, size]` per part of the
  ///     state, and the positions, and returns outputs `[B, E]` and new matrices.
  public init(_ count: Int, from initialState: MemoryState, step: @escaping Step) {
    self.initialState = initialState
    self.step = step
    initialRows = initialState.parts.map { part in
      part.value.value.reshaped([1, part.value.value.count])
    }
    rows = initialRows.map { row in
      Tensor(overwritable: .concatenatingRows(.init(repeating: row, count: count)))
    }
  }

  /// The sequential form.
  public func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let (outputs, next) = step(x, rows, positions)
    for (row, next) in zip(rows, next) { row.overwrite(withSumOf: [next]) }
    return outputs
  }

  /// Resets one stream to its initial state; allocates nothing.
  public func reset(_ row: Int) {
    for index in 0..<rows.count { write(initialRows[index], of: index, at: row) }
  }

  /// Sets one stream to a state.
  public func load(_ state: MemoryState, at row: Int, position: Int) {
    for (index, part) in state.parts.enumerated() { write(part.value.value, of: index, at: row) }
  }

  private func write(_ value: Tensor, of part: Int, at row: Int) {
    let size = value.count
    precondition(size == rows[part].shape[1], "RowStreams: the state has another shape")
    value.withScalars { value in
      rows[part].overwrite { ($0 + row * size).update(from: value, count: size) }
    }
  }

  /// State of one stream.
  public func state(at row: Int, position: Int) -> MemoryState {
    var state = initialState.detached
    for (index, part) in initialState.parts.enumerated() {
      let values = Array(rows[index].rows(row..<row + 1).scalars)
      state.parts[index].value = Variable(
        constant: Tensor(shape: part.value.value.shape, scalars: values))
    }
    return state
  }
}
