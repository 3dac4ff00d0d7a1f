internal import LMNKernels
internal import LMNMemories

/// One stream of a model, of which a copy is a fork.
///
/// Its state is a value while it reads in parallel, and memory that stays where it is while it takes
/// step by step.
struct Stream<Inputs: Sendable>: Sendable {
  private let trunk: Trunk
  private let makeInputs: RecordedStreams<Inputs>.MakeInputs
  private let takeStep: RecordedStreams<Inputs>.Step
  private var form: Form
  private var outputs = Tensor(shape: [0], scalars: [])

  private enum Form {
    case parallel(Trunk.State)
    case sequential(RecordedStreams<Inputs>)
  }

  /// A stream that goes on from `state`, or begins.
  init(
    of trunk: Trunk, state: Trunk.State?, inputs: @escaping RecordedStreams<Inputs>.MakeInputs,
    step: @escaping RecordedStreams<Inputs>.Step
  ) {
    self.trunk = trunk
    makeInputs = inputs
    takeStep = step
    let state = state ?? trunk.initialState
    form = .parallel(state)
    position = state[0].position
  }

  /// What the stream has left so far.
  var state: Trunk.State {
    switch form {
    case .parallel(let state): state
    case .sequential(let streams): streams.states[0]
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
    case .parallel(let state):
      streams = RecordedStreams(
        of: trunk, states: [state], in: .current, inputs: makeInputs, step: takeStep)
      outputs = streams.outputs()
    case .sequential(let current):
      streams = current
    }
    // So that the streams are nobody else's.
    form = .parallel([])
    if !isKnownUniquelyReferenced(&streams) { streams = streams.copied() }
    streams.step { inputs, _ in fill(inputs) }
    streams.copyOutputs(to: &outputs)
    form = .sequential(streams)
    position += 1
    return outputs
  }

  /// Reads `count` inputs in parallel: `body` gets, in order, the places of stretches that are read
  /// side by side, and the state before them to replace by that behind.
  mutating func read(
    _ count: Int, _ body: ([Range<Int>], inout Trunk.State) throws -> Void
  ) rethrows {
    var state = self.state
    defer { form = .parallel(state) }
    for stretches in readingGroups(of: count, after: position) {
      position += stretches.reduce(0) { $0 + $1.count }
      try body(stretches, &state)
    }
  }
}
