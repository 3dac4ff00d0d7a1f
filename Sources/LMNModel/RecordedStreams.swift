internal import LMNKernels
internal import LMNLayers

/// A recorded step of as many streams as there are places; in a free place a stream begins at every
/// step, which costs little and never gets far.
///
/// Unchecked because it is changed in place: its owner is the only one.
final class RecordedStreams: ConcurrentWork, @unchecked Sendable {
  let context: ExecutionContext
  private let network: LogarithmicMemoryNetwork
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// The places that one thread steps.
  private struct Lane {
    let range: Range<Int>
    let tokens: TokenBuffer
    let streams: LogarithmicMemoryNetwork.Streams
    let logits: Tensor
    let recording: Recording
  }

  /// Records a step.
  ///
  /// - Parameters:
  ///   - network: What takes it.
  ///   - states: Of the streams in the first places.
  ///   - placeCount: Places, at least as many.
  ///   - context: Where to compute.
  init(
    _ network: LogarithmicMemoryNetwork, states: [LogarithmicMemoryNetwork.State],
    places placeCount: Int, in context: ExecutionContext
  ) {
    self.context = context
    self.network = network
    let states =
      states + repeatElement(network.initialState, count: placeCount - states.count)
    let laneCount = min(placeCount, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = placeCount * lane / laneCount..<placeCount * (lane + 1) / laneCount
      let tokens = TokenBuffer(repeatElement(0, count: range.count))
      let streams = network.trunk.makeStreams(range.count)
      var logits: Tensor?
      let recording = Recording(in: inner) { logits = network.step(tokens, of: streams) }
      // Only now, for recording took a step, from where there is always one to take.
      network.trunk.load(Array(states[range]), into: streams)
      return Lane(
        range: range, tokens: tokens, streams: streams, logits: logits!, recording: recording)
    }
  }

  func state(at place: Int) -> LogarithmicMemoryNetwork.State {
    let lane = lane(of: place)
    return network.trunk.state(of: place - lane.range.lowerBound, in: lane.streams)
  }

  func load(_ state: LogarithmicMemoryNetwork.State, at place: Int) {
    let lane = lane(of: place)
    network.trunk.load(state, of: place - lane.range.lowerBound, in: lane.streams)
  }

  private func lane(of place: Int) -> Lane { lanes.first { $0.range.contains(place) }! }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - rows: The row of every place, nil where it is free.
  ///   - token: The token of a row.
  ///   - vocabularySize: What tokens are below.
  func step(_ rows: [Int?], _ token: (_ row: Int) -> Token, below vocabularySize: Int) {
    for index in 0..<lanes.count {
      let lane = lanes[index]
      lane.tokens.overwrite { index in
        guard let row = rows[lane.range.lowerBound + index] else {
          network.trunk.reset(index, in: lane.streams)
          return 0
        }
        let token = token(row)
        expectToken(token, below: vocabularySize, operation: "step", "of row \(row)")
        return token
      }
    }
    context.perform(self, count: lanes.count)
  }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

  /// Copies the logits of every row to its place in `[B, V]`.
  func copyLogits(of rows: [Int?], to target: UnsafeMutablePointer<Float>) {
    for index in 0..<lanes.count {
      let (range, logits) = (lanes[index].range, lanes[index].logits)
      let width = logits.shape[1]
      for place in range {
        guard let row = rows[place] else { continue }
        let source = logits.base + (place - range.lowerBound) * width
        (target + row * width).update(from: source, count: width)
      }
    }
  }
}
