internal import LMNKernels

/// A recorded decode step of a fixed number of places for streams: one input and one row of outputs
/// per place.
///
/// Free places are stepped too, from the beginning of a stream each time, which costs little. With
/// several threads, each computes a part of the places through the whole network.
///
/// `@unchecked Sendable` because it is changed in place: it has a single owner.
final class RecordedStreams<N: Network>: ConcurrentWork, @unchecked Sendable {
  let context: ExecutionContext
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// Places of one thread.
  private struct Lane {
    let range: Range<Int>
    let inputs: N.Inputs
    let streams: Trunk.Streams
    let outputs: Tensor
    let recording: Recording
  }

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
    self.context = context
    let laneCount = min(placeCount, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = placeCount * lane / laneCount..<placeCount * (lane + 1) / laneCount
      let inputs = network.makeInputs(range.count)
      let streams = network.trunk.makeStreams(range.count)
      var outputs: Tensor?
      let recording = Recording(in: inner) { outputs = network.step(inputs, of: streams) }
      // Loaded after recording, because recording takes a step, which is always possible from
      // position 0.
      for (row, place) in range.enumerated() {
        if place < states.count {
          streams.load(states[place], at: row)
        } else {
          streams.reset(row)
        }
      }
      return Lane(
        range: range, inputs: inputs, streams: streams, outputs: outputs!, recording: recording)
    }
  }

  func state(at place: Int) -> Trunk.State {
    let lane = lane(of: place)
    return lane.streams.state(at: place - lane.range.lowerBound)
  }

  /// Sets a place to a state; nil for the beginning of a stream.
  func load(_ state: Trunk.State?, at place: Int) {
    let lane = lane(of: place)
    let row = place - lane.range.lowerBound
    if let state { lane.streams.load(state, at: row) } else { lane.streams.reset(row) }
  }

  private func lane(of place: Int) -> Lane { lanes.first { $0.range.contains(place) }! }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - rows: The row of each place, nil where it is free.
  ///   - fill: Receives a buffer of inputs, an index into it, and the row of the input to write.
  func step(_ rows: [Int?], _ fill: (_ inputs: N.Inputs, _ index: Int, _ row: Int) -> Void) {
    for index in 0..<lanes.count {
      let lane = lanes[index]
      for place in lane.range {
        let index = place - lane.range.lowerBound
        if let row = rows[place] {
          fill(lane.inputs, index, row)
        } else {
          lane.streams.reset(index)
        }
      }
    }
    context.perform(self, count: lanes.count)
  }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

  /// Copies the last step's outputs to their rows in `outputs`.
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
