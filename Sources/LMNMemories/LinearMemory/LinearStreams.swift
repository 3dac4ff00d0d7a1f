internal import LMNAutodiff
internal import LMNKernels

/// States of the memories of B streams, at stable addresses.
final class LinearStreams: MemoryStreams {
  /// Output `[B, E]` for a token of each stream.
  typealias Step = @Sendable (_ x: Tensor, _ streams: LinearStreams) -> Tensor

  private let initialState: MemoryState
  /// `[B, …]` per part of the state.
  private let parts: [(name: String, values: Tensor)]
  private let count: Int
  private let step: Step

  init(of memory: LinearMemory, memories: Int, count: Int, step: @escaping Step) {
    initialState = memory.initialState(of: memories)
    self.count = count
    self.step = step
    parts = initialState.shapes.map { name, shape in
      (name, Tensor(overwritable: Tensor(shape: [count] + shape, repeating: 0)))
    }
  }

  /// States of a part, to be changed in place.
  subscript(name: String) -> Tensor { parts.first { $0.name == name }!.values }

  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    precondition(x.shape[0] == count, "LinearStreams: \(x.shape[0]) tokens for \(count) streams")
    return step(x, self)
  }

  func reset(_ row: Int) {
    for index in 0..<parts.count {
      let size = parts[index].values.count / count
      parts[index].values.overwrite { ($0 + row * size).update(repeating: 0, count: size) }
    }
  }

  func load(_ state: MemoryState, at row: Int, position: Int) {
    for (name, values) in parts {
      values.rows(row..<row + 1).overwrite(
        withScalarsOf: state[name].value.reshaped([1] + state[name].value.shape))
    }
  }

  func state(at row: Int, position: Int) -> MemoryState {
    var state = initialState
    for (name, values) in parts {
      let shape = Array(values.shape.dropFirst())
      state[name] = Variable(
        constant: Tensor(shape: shape, scalars: values.rows(row..<row + 1).scalars))
    }
    return state
  }
}

/// The sequential form, for a token of each of several streams.
struct SequentialForm: LinearForm {
  let choices: StreamChoices
  let streams: LinearStreams

  func convolve(_ rows: Variable, _ taps: Variable, _ name: String) -> Variable {
    let taps = taps.value.transposed
    let history =
      taps.shape[0] > 1 ? streams[name] : Tensor(shape: [choices.streams, 0], scalars: [])
    return Variable(
      constant: rows.value.shortConvStep(taps: taps, history: history, of: choices))
  }

  func recur(_ rows: LinearRows, heads: Int) -> Variable {
    let recurrence = LinearRecurrence(
      queries: rows.queries.value, keys: rows.keys.value, values: rows.values.value,
      beta: rows.beta?.value, decay: rows.decay?.value, heads: heads)
    return Variable(constant: recurrence.step(streams["S"], of: choices))
  }
}
