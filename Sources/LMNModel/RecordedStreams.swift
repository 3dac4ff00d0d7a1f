internal import LMNKernels

/// A recorded decode step of a fixed number of places for streams: one input and one row of outputs
/// per place.
///
/// Free places are stepped too, from the beginning of a stream each time, which costs little. With
/// several threads, each computes a part of the places through the whole network.
///
/// It is changed in place and has a single owner.
final class RecordedStreams<N: Network>: Sendable {
  /// The places of all threads; not generic over the network, because generic code is too slow for a
  /// step.
  private let lanes: StreamLanes
  /// By lane.
  private let inputs: [N.Inputs]

  /// Records a step.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - states: Initial states of the streams in the first places.
  ///   - placeCount: Number of places, at least that of the states.
  ///   - context: The context to compute in.
  init(
    _ network: N, states: [Trunk.State], places placeCount: Int, in context: ExecutionContext
  ) {
    var inputs: [N.Inputs] = []
    lanes = StreamLanes(of: network.trunk, states: states, places: placeCount, in: context) {
      count in
      let own = network.makeInputs(count)
      inputs.append(own)
      return { network.step(own, of: $0) }
    }
    self.inputs = inputs
  }

  var context: ExecutionContext { lanes.context }

  func state(at place: Int) -> Trunk.State { lanes.state(at: place) }

  /// Sets a place to a state; nil for the beginning.
  func load(_ state: Trunk.State?, at place: Int) { lanes.load(state, at: place) }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - rows: The row of every place, nil where it is free.
  ///   - fill: Gets memory for inputs, an index there, and the row whose input it has to write there.
  func step(_ rows: [Int?], _ fill: (_ inputs: N.Inputs, _ index: Int, _ row: Int) -> Void) {
    lanes.forEachRow(of: rows) { lane, index, row in fill(inputs[lane], index, row) }
    lanes.step()
  }

  /// Copies the last step's outputs of every row to its place in `outputs`.
  func copyOutputs(of rows: [Int?], to outputs: inout Tensor) {
    lanes.copyOutputs(of: rows, to: &outputs)
  }
}

/// The places of recorded streams, shared out over threads.
///
/// `@unchecked Sendable` because it is changed in place: it has a single owner.
private final class StreamLanes: ConcurrentWork, @unchecked Sendable {
  let context: ExecutionContext
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// The places that one thread steps.
  private struct Lane {
    let range: Range<Int>
    let streams: Trunk.Streams
    let outputs: Tensor
    let recording: Recording
  }

  /// Records a step.
  ///
  /// - Parameters:
  ///   - trunk: The trunk of the network.
  ///   - states: Of the streams in the first places.
  ///   - placeCount: Places, at least as many.
  ///   - context: The context to compute in.
  ///   - makeStep: Gives the step of a lane of some places, for the lanes in order.
  init(
    of trunk: Trunk, states: [Trunk.State], places placeCount: Int, in context: ExecutionContext,
    step makeStep: (_ places: Int) -> (Trunk.Streams) -> Tensor
  ) {
    self.context = context
    let laneCount = min(placeCount, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = placeCount * lane / laneCount..<placeCount * (lane + 1) / laneCount
      let step = makeStep(range.count)
      let streams = trunk.makeStreams(range.count)
      var outputs: Tensor?
      let recording = Recording(in: inner) { outputs = step(streams) }
      // Loaded after recording, because recording takes a step, which is always possible from
      // position 0.
      for (row, place) in range.enumerated() {
        if place < states.count {
          streams.load(states[place], at: row)
        } else {
          streams.reset(row)
        }
      }
      return Lane(range: range, streams: streams, outputs: outputs!, recording: recording)
    }
  }

  func state(at place: Int) -> Trunk.State {
    let lane = lane(of: place)
    return lane.streams.state(at: place - lane.range.lowerBound)
  }

  func load(_ state: Trunk.State?, at place: Int) {
    let lane = lane(of: place)
    let row = place - lane.range.lowerBound
    if let state { lane.streams.load(state, at: row) } else { lane.streams.reset(row) }
  }

  private func lane(of place: Int) -> Lane { lanes.first { $0.range.contains(place) }! }

  /// Calls `fill` with the lane of every row, its index there, and the row; resets free places.
  func forEachRow(of rows: [Int?], _ fill: (_ lane: Int, _ index: Int, _ row: Int) -> Void) {
    for lane in 0..<lanes.count {
      let first = lanes[lane].range.lowerBound
      for place in lanes[lane].range {
        if let row = rows[place] {
          fill(lane, place - first, row)
        } else {
          lanes[lane].streams.reset(place - first)
        }
      }
    }
  }

  func step() { context.perform(self, count: lanes.count) }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

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
