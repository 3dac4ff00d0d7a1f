internal import LMNKernels
internal import LMNMemories

/// A recorded step of as many streams as there are places: an input of each in, an output for each.
///
/// In a free place a stream begins at every step, which costs little and never gets far. With several
/// threads, each carries a share of the places through the whole model.
///
/// Unchecked because it is changed in place: its owner is the only one.
final class RecordedStreams<Inputs: Sendable>: ConcurrentWork, @unchecked Sendable {
  let context: ExecutionContext
  private let trunk: Trunk
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// The places that one thread steps.
  private struct Lane {
    let range: Range<Int>
    let inputs: Inputs
    let streams: Trunk.Streams
    let outputs: Tensor
    let recording: Recording
  }

  /// Records a step.
  ///
  /// - Parameters:
  ///   - step: What it is.
  ///   - states: Of the streams in the first places.
  ///   - placeCount: Places, at least as many.
  ///   - context: Where to compute.
  init(
    _ step: StreamStep<Inputs>, states: [Trunk.State], places placeCount: Int,
    in context: ExecutionContext
  ) {
    self.context = context
    let trunk = step.trunk
    self.trunk = trunk
    let states =
      states + repeatElement(trunk.initialState, count: placeCount - states.count)
    let laneCount = min(placeCount, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = placeCount * lane / laneCount..<placeCount * (lane + 1) / laneCount
      let inputs = step.makeInputs(range.count)
      let streams = trunk.makeStreams(range.count)
      var outputs: Tensor?
      let recording = Recording(in: inner) { outputs = step.take(inputs, streams) }
      // Only now, for recording took a step, from where there is always one to take.
      trunk.load(Array(states[range]), into: streams)
      return Lane(
        range: range, inputs: inputs, streams: streams, outputs: outputs!, recording: recording)
    }
  }

  func state(at place: Int) -> Trunk.State {
    let lane = lane(of: place)
    return trunk.state(of: place - lane.range.lowerBound, in: lane.streams)
  }

  func load(_ state: Trunk.State, at place: Int) {
    let lane = lane(of: place)
    trunk.load(state, of: place - lane.range.lowerBound, in: lane.streams)
  }

  private func lane(of place: Int) -> Lane { lanes.first { $0.range.contains(place) }! }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - rows: The row of every place, nil where it is free.
  ///   - fill: Gets memory for inputs, an index there, and the row whose input it has to write there.
  func step(_ rows: [Int?], _ fill: (_ inputs: Inputs, _ index: Int, _ row: Int) -> Void) {
    for index in 0..<lanes.count {
      let lane = lanes[index]
      for place in lane.range {
        let index = place - lane.range.lowerBound
        if let row = rows[place] {
          fill(lane.inputs, index, row)
        } else {
          trunk.reset(index, in: lane.streams)
        }
      }
    }
    context.perform(self, count: lanes.count)
  }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

  /// Copies what the last step gave every row to its place in `outputs`.
  func copyOutputs(of rows: [Int?], to outputs: inout Tensor) {
    outputs.withMutableScalars { target in
      for index in 0..<lanes.count {
        let (range, outputs) = (lanes[index].range, lanes[index].outputs)
        let width = outputs.shape[1]
        for place in range {
          guard let row = rows[place] else { continue }
          let source = outputs.base + (place - range.lowerBound) * width
          (target + row * width).update(from: source, count: width)
        }
      }
    }
  }
}
