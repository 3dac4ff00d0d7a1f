public import LMNKernels

/// Several streams of a network that take their steps together: a value, so a copy is a fork.
///
/// They may stand at different positions, and join and leave at any time: the outputs of a stream do
/// not depend on the other streams, bit for bit. Between such changes a step allocates nothing, as
/// long as the outputs of the step before are not kept; with several threads, each computes a share
/// of the streams through the whole network.
///
/// Streams occupy places that are recorded once. There are up to half as many again as streams, so
/// that for most that join only the state is copied, and after leaves up to three times as many; a
/// free place costs a step about as much as a stream at its beginning.
public struct SessionBatch<N: Network>: Sendable {
  /// ID of a stream in a batch and its forks; never reused.
  public struct Stream: Sendable, Hashable {
    fileprivate let number: Int
  }

  /// The network.
  public let network: N
  /// The stream of every row of inputs and outputs, in the order of joining.
  ///
  /// When one leaves, the rows after it move up.
  public private(set) var streams: [Stream]

  private var joinedCount: Int
  private var recorded: RecordedStreams<N>
  /// The place of every row.
  private var places: [Int]
  /// The row of every place, nil where it is free.
  private var rows: [Int?]
  private var outputs: Tensor

  /// Streams that go on from `states`.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - states: One per stream; none for a batch that others will join.
  ///   - context: The context to compute in.
  public init(
    _ network: N, states: [Trunk.State],
    in context: ExecutionContext = .current
  ) {
    self.network = network
    streams = states.indices.map(Stream.init)
    joinedCount = states.count
    recorded = RecordedStreams(
      network, states: states, places: states.count, in: context)
    places = Array(states.indices)
    rows = Array(states.indices)
    outputs = Self.makeOutputs(states.count, of: network)
  }

  /// Streams at their beginning.
  public init(_ network: N, streams count: Int) {
    self.init(network, states: .init(repeating: network.initialState, count: count))
  }

  /// How many streams there are.
  public var count: Int { streams.count }

  /// The states of the streams, by row.
  public var states: [Trunk.State] {
    places.map { recorded.state(at: $0) }
  }

  /// The row of a stream; nil if it is not here.
  public func row(of stream: Stream) -> Int? { streams.firstIndex(of: stream) }

  /// The state of a stream.
  ///
  /// - Precondition: The stream is here.
  public func state(of stream: Stream) -> Trunk.State {
    recorded.state(at: places[expectedRow(of: stream)])
  }

  /// Takes one input of every stream: the outputs `[B, N]`.
  ///
  /// - Parameter fill: Gets memory for inputs, an index there, and the row of the stream whose input
  ///   it has to write there.
  public mutating func step(
    filling fill: (_ inputs: N.Inputs, _ index: Int, _ row: Int) -> Void
  ) -> Tensor {
    guard count > 0 else { return outputs }
    if !isKnownUniquelyReferenced(&recorded) { record(places: rows.count) }
    recorded.step(rows, fill)
    recorded.copyOutputs(of: rows, to: &outputs)
    return outputs
  }

  private static func makeOutputs(_ count: Int, of network: N) -> Tensor {
    Tensor(shape: [count, network.outputWidth], repeating: 0)
  }

  private func expectedRow(of stream: Stream) -> Int {
    guard let row = row(of: stream) else {
      preconditionFailure("SessionBatch: stream \(stream.number) is not here")
    }
    return row
  }
}

extension SessionBatch {
  /// Adds a stream after the others.
  ///
  /// - Parameter state: The state that it goes on from; nil for a stream at its beginning.
  /// - Returns: Its ID.
  @discardableResult
  public mutating func join(_ state: Trunk.State? = nil) -> Stream {
    if !rows.contains(nil) {
      record(places: Self.roomyPlaces(for: count + 1))
    } else if !isKnownUniquelyReferenced(&recorded) {
      record(places: rows.count)
    }
    let place = rows.firstIndex(of: nil)!
    recorded.load(state, at: place)
    rows[place] = count
    places.append(place)
    streams.append(Stream(number: joinedCount))
    joinedCount += 1
    outputs = Self.makeOutputs(count, of: network)
    return streams.last!
  }

  /// Removes a stream; those after it move up a row.
  ///
  /// - Precondition: The stream is here.
  public mutating func leave(_ stream: Stream) {
    let row = expectedRow(of: stream)
    streams.remove(at: row)
    places.remove(at: row)
    rows = [Int?](repeating: nil, count: rows.count)
    for (row, place) in places.enumerated() { rows[place] = row }
    if 3 * count < rows.count { record(places: Self.roomyPlaces(for: count)) }
    outputs = Self.makeOutputs(count, of: network)
  }

  /// Places for `count` streams and for half as many to join, so that a join or a leave, on average,
  /// is a bounded share of a recording.
  private static func roomyPlaces(for count: Int) -> Int { count + count / 2 }

  /// Records a step of `count` places, of which the streams take the first ones.
  private mutating func record(places count: Int) {
    recorded = RecordedStreams(
      network, states: states, places: count, in: recorded.context)
    places = Array(streams.indices)
    rows = (0..<count).map { $0 < streams.count ? $0 : nil }
  }
}

extension SessionBatch where N.Inputs == TokenBuffer {
  /// Takes one token of every stream: the outputs `[B, N]`, of a language network the logits of the
  /// next tokens.
  ///
  /// - Precondition: There are as many tokens as streams, each below the vocabulary's size.
  public mutating func step(_ tokens: [Token]) -> Tensor {
    precondition(tokens.count == count, "step: \(tokens.count) tokens for \(count) streams")
    let vocabularySize = network.configuration.vocabularySize
    return step { inputs, index, row in
      expectToken(tokens[row], below: vocabularySize, operation: "step", "of row \(row)")
      inputs.overwrite(at: index, with: tokens[row])
    }
  }
}
