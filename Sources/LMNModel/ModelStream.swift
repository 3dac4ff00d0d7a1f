internal import LMNKernels
internal import LMNMemories

/// One stream of a model, of which a copy is a fork.
///
/// Its state is a value while it reads in parallel, and memory that stays where it is while it takes
/// step by step.
struct ModelStream<Inputs: Sendable>: Sendable {
  private let modelStep: StreamStep<Inputs>
  private var form: Form
  private var outputs: Tensor

  private enum Form {
    case parallel(Trunk.State)
    case sequential(RecordedStreams<Inputs>)
  }

  /// A stream that goes on from `state`, or begins.
  init(_ modelStep: StreamStep<Inputs>, from state: Trunk.State?) {
    self.modelStep = modelStep
    let state = state ?? modelStep.trunk.initialState
    form = .parallel(state)
    position = state[0].position
    outputs = modelStep.makeOutputs(1)
  }

  /// What the stream has left so far.
  var state: Trunk.State {
    switch form {
    case .parallel(let state): state
    case .sequential(let streams): streams.state(at: 0)
    }
  }

  /// Inputs seen.
  private(set) var position: Int

  /// Takes a step, whose input `fill` writes.
  ///
  /// Nothing is allocated, as long as what the step before gave is not kept.
  mutating func step(_ fill: (Inputs) -> Void) -> Tensor {
    var streams: RecordedStreams<Inputs>
    switch form {
    case .parallel(let state): streams = recorded(from: state)
    case .sequential(let current): streams = current
    }
    // So that the streams are nobody else's.
    form = .parallel([])
    if !isKnownUniquelyReferenced(&streams) { streams = recorded(from: streams.state(at: 0)) }
    streams.step(onlyRow) { inputs, _, _ in fill(inputs) }
    streams.copyOutputs(of: onlyRow, to: &outputs)
    form = .sequential(streams)
    position += 1
    return outputs
  }

  private func recorded(from state: Trunk.State) -> RecordedStreams<Inputs> {
    RecordedStreams(modelStep, states: [state], places: 1, in: .current)
  }

  /// Reads `count` inputs in parallel: `body` gets, in order, the places of stretches that are read
  /// side by side, and the state before them to replace by that behind.
  mutating func read(
    _ count: Int, _ body: ([Range<Int>], inout Trunk.State) throws -> Void
  ) rethrows {
    var state = self.state
    defer { form = .parallel(state) }
    for stretches in readingGroups(
      of: count, after: position, stretches: modelStep.trunk.stretchLength)
    {
      position += stretches.reduce(0) { $0 + $1.count }
      try body(stretches, &state)
    }
  }
}

/// The row of the only place.
private let onlyRow: [Int?] = [0]
