public import LMNKernels

/// Streaming inference on several streams that are stepped together.
///
/// It is a value: a copy is a fork. Streams may be at different positions, and join and leave at
/// any time: the outputs of a stream do not depend on the other streams, bit for bit. Between such
/// changes a step allocates nothing, unless the caller keeps the outputs of the step before. With
/// several threads, each computes a part of the streams through the whole network.
///
/// Streams occupy places of one recorded step. There are up to 1.5 times as many places as streams,
/// so that most joins only copy a state, and after leaves up to three times as many; a free place
/// costs a step about as much as a stream at its beginning.
public struct SessionBatch<N: Network>: Sendable {
  /// ID of a stream in a batch and its forks; never reused.
  public struct Stream: Sendable, Hashable {
    fileprivate let number: Int
  }

  /// The network.
  public let network: N
  /// The stream of each row of inputs and outputs, in the order of joining.
  ///
  /// When a stream leaves, the rows after it move up.
  public private(set) var streams: [Stream]

  private var joinedCount: Int
  private var recorded: RecordedStreams<N>
  /// The place of each row.
  private var places: [Int]
  /// The row of each place, nil where it is free.
  private var rows: [Int?]
  private var outputs: Tensor

  /// Streams that continue from `states`.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - states: One per stream; may be empty.
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

  /// Number of streams.
  public var count: Int { streams.count }

  /// The states of the streams, by row.
  public var states: [Trunk.State] {
    places.map { recorded.state(at: $0) }
  }

  /// The row of a stream; nil if it is not in the batch.
  public func row(of stream: Stream) -> Int? { streams.firstIndex(of: stream) }

  /// The state of a stream.
  ///
  /// - Precondition: The stream is in the batch.
  public func state(of stream: Stream) -> Trunk.State {
    recorded.state(at: places[expectedRow(of: stream)])
  }

  /// Takes a decode step with one input per stream.
  ///
  /// - Parameter fill: Receives a buffer of inputs, an index into it, and the row of the stream
  ///   whose input to write there.
  /// - Returns: Outputs `[B, N]`.
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
      preconditionFailure("SessionBatch: stream \(stream.number) is not in the batch")
    }
    return row
  }
}

extension SessionBatch {
  /// Adds a stream after the others.
  ///
  /// - Parameter state: Its initial state; nil for the beginning of a stream.
  /// - Returns: The ID of the stream.
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
  /// - Precondition: The stream is in the batch.
  public mutating func leave(_ stream: Stream) {
    let row = expectedRow(of: stream)
    streams.remove(at: row)
    places.remove(at: row)
    rows = [Int?](repeating: nil, count: rows.count)
    for (row, place) in places.enumerated() { rows[place] = row }
    if 3 * count < rows.count { record(places: Self.roomyPlaces(for: count)) }
    outputs = Self.makeOutputs(count, of: network)
  }

  /// Number of places for `count` streams: half as many again, so that the amortized cost of a join
  /// or leave is a bounded part of a recording.
  private static func roomyPlaces(for count: Int) -> Int { count + count / 2 }

  /// Records a step of `count` places; the streams take the first ones.
  private mutating func record(places count: Int) {
    recorded = RecordedStreams(
      network, states: states, places: count, in: recorded.context)
    places = Array(streams.indices)
    rows = (0..<count).map { $0 < streams.count ? $0 : nil }
  }
}

extension SessionBatch where N.Inputs == TokenBuffer {
  /// Takes a decode step with one token per stream.
  ///
  /// - Parameter tokens: One per stream, each below the vocabulary's size.
  /// - Returns: Outputs `[B, N]`; of a language network the logits of the next tokens.
  public mutating func step(_ tokens: [Token]) -> Tensor {
    precondition(tokens.count == count, "step: \(tokens.count) tokens for \(count) streams")
    let vocabularySize = network.configuration.vocabularySize
    return step { inputs, index, row in
      expectToken(tokens[row], below: vocabularySize, operation: "step", "of row \(row)")
      inputs.overwrite(at: index, with: tokens[row])
    }
  }
}
