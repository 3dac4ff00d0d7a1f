internal import LMNKernels
internal import LMNMemories

/// A recorded step of streams: an input of each in, an output for each.
///
/// With several threads, each carries a share of the streams through the whole model.
///
/// Unchecked because it is changed in place: its owner is the only one.
final class RecordedStreams<Inputs: Sendable>: ConcurrentWork, @unchecked Sendable {
  /// Makes memory for the inputs of so many streams; what it holds has to be valid.
  typealias MakeInputs = @Sendable (_ count: Int) -> Inputs
  /// The model's step: a row of output per stream.
  typealias Step = @Sendable (Inputs, Trunk.Streams) -> Tensor

  let count: Int
  private let context: ExecutionContext
  private let trunk: Trunk
  private let makeInputs: MakeInputs
  private let takeStep: Step
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// The streams that one thread steps.
  private struct Lane {
    let range: Range<Int>
    let inputs: Inputs
    let streams: Trunk.Streams
    let outputs: Tensor
    let recording: Recording
  }

  init(
    of trunk: Trunk, states: [Trunk.State], in context: ExecutionContext,
    inputs makeInputs: @escaping MakeInputs, step: @escaping Step
  ) {
    count = states.count
    self.context = context
    self.trunk = trunk
    self.makeInputs = makeInputs
    takeStep = step
    let laneCount = min(count, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = states.count * lane / laneCount..<states.count * (lane + 1) / laneCount
      let inputs = makeInputs(range.count)
      let streams = trunk.makeStreams(range.count)
      trunk.load(Array(states[range]), into: streams)
      var outputs: Tensor?
      let recording = Recording(in: inner) { outputs = step(inputs, streams) }
      // Recording took a step.
      trunk.load(Array(states[range]), into: streams)
      return Lane(
        range: range, inputs: inputs, streams: streams, outputs: outputs!, recording: recording)
    }
  }

  /// The same streams in memory of their own.
  func copied() -> RecordedStreams {
    RecordedStreams(of: trunk, states: states, in: context, inputs: makeInputs, step: takeStep)
  }

  /// What the streams have left behind so far.
  var states: [Trunk.State] {
    lanes.flatMap { lane in
      lane.range.indices.map { trunk.state(of: $0 - lane.range.lowerBound, in: lane.streams) }
    }
  }

  /// Takes a step of every stream; `fill` gets the memory for the inputs of a range of them.
  func step(_ fill: (Inputs, _ streams: Range<Int>) -> Void) {
    for index in 0..<lanes.count { fill(lanes[index].inputs, lanes[index].range) }
    context.perform(self, count: lanes.count)
  }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

  /// Memory for the outputs of all streams.
  func outputs() -> Tensor {
    Tensor(shape: [count, lanes[0].outputs.shape[1]], repeating: 0)
  }

  /// Copies what the last step gave.
  func copyOutputs(to outputs: inout Tensor) {
    outputs.withMutableScalars { target in
      var target = target
      for index in 0..<lanes.count {
        let outputs = lanes[index].outputs
        target.update(from: outputs.base, count: outputs.count)
        target += outputs.count
      }
    }
  }
}
