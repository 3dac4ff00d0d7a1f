public import LMNKernels
internal import LMNLayers

/// Streams that a network continues token by token: a value, so a copy is a fork.
///
/// They may stand at different positions. A step allocates nothing, as long as the logits that it
/// returned before are not kept; with several threads, each carries a share of the streams through
/// the whole network.
public struct SessionBatch: Sendable {
  /// The network.
  public let network: LogarithmicMemoryNetwork
  private var streams: RecordedStreams
  private var logits: Tensor

  /// Streams that go on from `states`.
  ///
  /// - Parameters:
  ///   - network: What continues them.
  ///   - states: One per stream, at least one.
  ///   - context: Where to compute.
  public init(
    _ network: LogarithmicMemoryNetwork, states: [LogarithmicMemoryNetwork.State],
    in context: ExecutionContext = .current
  ) {
    precondition(!states.isEmpty, "SessionBatch: no streams")
    self.network = network
    streams = RecordedStreams(network, states: states, in: context)
    logits = Tensor(
      shape: [states.count, network.configuration.vocabularySize], repeating: 0)
  }

  /// Streams at their beginning.
  public init(_ network: LogarithmicMemoryNetwork, streams count: Int) {
    self.init(network, states: .init(repeating: network.initialState, count: count))
  }

  /// How many streams there are.
  public var count: Int { streams.count }

  /// What the streams have left behind so far.
  public var states: [LogarithmicMemoryNetwork.State] { streams.states(network) }

  /// Reads one token of every stream: logits `[B, V]` of the next.
  ///
  /// - Precondition: There are as many tokens as streams, each below the vocabulary's size.
  public mutating func step(_ tokens: [Token]) -> Tensor {
    precondition(tokens.count == count, "step: \(tokens.count) tokens for \(count) streams")
    return step { tokens[$0] }
  }

  /// The same with the token that a function gives for each stream.
  mutating func step(_ token: (_ stream: Int) -> Token) -> Tensor {
    if !isKnownUniquelyReferenced(&streams) {
      streams = RecordedStreams(network, states: states, in: streams.context)
    }
    streams.step(token, below: network.configuration.vocabularySize)
    logits.withMutableScalars { streams.copyLogits(to: $0) }
    return logits
  }
}

/// A recorded step of streams.
///
/// Unchecked because it is changed in place: its owner is the only one.
private final class RecordedStreams: ConcurrentWork, @unchecked Sendable {
  let count: Int
  let context: ExecutionContext
  private let lanes: [Lane]
  private let inner: ExecutionContext

  /// The streams that one thread steps.
  private struct Lane {
    let range: Range<Int>
    let tokens: TokenBuffer
    let streams: LogarithmicMemoryNetwork.Streams
    let logits: Tensor
    let recording: Recording
  }

  init(
    _ network: LogarithmicMemoryNetwork, states: [LogarithmicMemoryNetwork.State],
    in context: ExecutionContext
  ) {
    count = states.count
    self.context = context
    let laneCount = min(count, context.threadCount)
    let inner = context.forEach(of: laneCount)
    self.inner = inner
    lanes = (0..<laneCount).map { lane in
      let range = states.count * lane / laneCount..<states.count * (lane + 1) / laneCount
      let tokens = TokenBuffer(repeatElement(0, count: range.count))
      let streams = network.trunk.makeStreams(range.count)
      network.trunk.load(Array(states[range]), into: streams)
      var logits: Tensor?
      let recording = Recording(in: inner) { logits = network.step(tokens, of: streams) }
      // Recording took a step.
      network.trunk.load(Array(states[range]), into: streams)
      return Lane(
        range: range, tokens: tokens, streams: streams, logits: logits!, recording: recording)
    }
  }

  func states(_ network: LogarithmicMemoryNetwork) -> [LogarithmicMemoryNetwork.State] {
    lanes.flatMap { lane in
      lane.range.indices.map {
        network.trunk.state(of: $0 - lane.range.lowerBound, in: lane.streams)
      }
    }
  }

  func step(_ token: (_ stream: Int) -> Token, below vocabularySize: Int) {
    for index in 0..<lanes.count {
      let lane = lanes[index]
      lane.tokens.overwrite { index in
        let stream = lane.range.lowerBound + index
        let token = token(stream)
        expectToken(token, below: vocabularySize, operation: "step", "of stream \(stream)")
        return token
      }
    }
    context.perform(self, count: lanes.count)
  }

  func perform(_ index: Int) { lanes[index].recording.run(in: inner) }

  func copyLogits(to target: UnsafeMutablePointer<Float>) {
    var target = target
    for index in 0..<lanes.count {
      let logits = lanes[index].logits
      target.update(from: logits.base, count: logits.count)
      target += logits.count
    }
  }
}
