public import LMNKernels
internal import LMNLayers

/// Streams that a network continues token by token: a value, so a copy is a fork.
///
/// They may stand at different positions, and join and leave at any time: what a stream computes
/// does not depend on who else is there, bit for bit. Between such changes a step allocates nothing,
/// as long as the logits that it returned before are not kept; with several threads, each carries a
/// share of the streams through the whole network.
///
/// Streams work in places that are planned once. There are up to half as many again as streams, so
/// that most that join only have their state copied, and after leaves up to three times as many; a
/// free place costs a step about as much as a stream at its beginning.
public struct SessionBatch: Sendable {
  /// Which stream of a batch: nobody else's, also when it has left.
  ///
  /// A fork keeps it; who joins a fork later is known to that fork alone.
  public struct Stream: Sendable, Hashable {
    fileprivate let number: Int
  }

  /// The network.
  public let network: LogarithmicMemoryNetwork
  /// Who is in which row of tokens and logits: in the order of joining.
  ///
  /// When one leaves, the rows behind it move up.
  public private(set) var streams: [Stream]

  private var joinedCount: Int
  private var recorded: RecordedStreams<TokenBuffer>
  /// The place of every row.
  private var places: [Int]
  /// The row of every place, nil where it is free.
  private var rows: [Int?]
  private var logits: Tensor

  /// Streams that go on from `states`.
  ///
  /// - Parameters:
  ///   - network: What continues them.
  ///   - states: One per stream; none for a batch that others will join.
  ///   - context: Where to compute.
  public init(
    _ network: LogarithmicMemoryNetwork, states: [LogarithmicMemoryNetwork.State],
    in context: ExecutionContext = .current
  ) {
    self.network = network
    streams = states.indices.map(Stream.init)
    joinedCount = states.count
    recorded = RecordedStreams(
      network.streamStep, states: states, places: states.count, in: context)
    places = Array(states.indices)
    rows = Array(states.indices)
    logits = network.streamStep.makeOutputs(states.count)
  }

  /// Streams at their beginning.
  public init(_ network: LogarithmicMemoryNetwork, streams count: Int) {
    self.init(network, states: .init(repeating: network.initialState, count: count))
  }

  /// How many streams there are.
  public var count: Int { streams.count }

  /// What the streams have left behind so far, by row.
  public var states: [LogarithmicMemoryNetwork.State] {
    places.map { recorded.state(at: $0) }
  }

  /// The row of a stream; nil if it is not here.
  public func row(of stream: Stream) -> Int? { streams.firstIndex(of: stream) }

  /// What a stream has left behind so far.
  ///
  /// - Precondition: The stream is here.
  public func state(of stream: Stream) -> LogarithmicMemoryNetwork.State {
    recorded.state(at: places[expectedRow(of: stream)])
  }

  /// Reads one token of every stream: logits `[B, V]` of the next.
  ///
  /// - Precondition: There are as many tokens as streams, each below the vocabulary's size.
  public mutating func step(_ tokens: [Token]) -> Tensor {
    precondition(tokens.count == count, "step: \(tokens.count) tokens for \(count) streams")
    return step { tokens[$0] }
  }

  /// The same with the token that a function gives for each row.
  mutating func step(_ token: (_ row: Int) -> Token) -> Tensor {
    guard count > 0 else { return logits }
    if !isKnownUniquelyReferenced(&recorded) { record(places: rows.count) }
    let vocabularySize = network.configuration.vocabularySize
    recorded.step(rows) { tokens, index, row in
      let token = token(row)
      expectToken(token, below: vocabularySize, operation: "step", "of row \(row)")
      tokens.overwrite(at: index, with: token)
    }
    recorded.copyOutputs(of: rows, to: &logits)
    return logits
  }

  private func expectedRow(of stream: Stream) -> Int {
    guard let row = row(of: stream) else {
      preconditionFailure("SessionBatch: stream \(stream.number) is not here")
    }
    return row
  }
}

extension SessionBatch {
  /// Adds a stream behind the others.
  ///
  /// - Parameter state: Where it goes on; nil for a stream at its beginning.
  /// - Returns: How it is known from now on.
  @discardableResult
  public mutating func join(_ state: LogarithmicMemoryNetwork.State? = nil) -> Stream {
    if !rows.contains(nil) {
      record(places: Self.roomyPlaces(for: count + 1))
    } else if !isKnownUniquelyReferenced(&recorded) {
      record(places: rows.count)
    }
    let place = rows.firstIndex(of: nil)!
    recorded.load(state ?? network.initialState, at: place)
    rows[place] = count
    places.append(place)
    streams.append(Stream(number: joinedCount))
    joinedCount += 1
    logits = network.streamStep.makeOutputs(count)
    return streams.last!
  }

  /// Takes a stream out; those behind it move up a row.
  ///
  /// - Precondition: The stream is here.
  public mutating func leave(_ stream: Stream) {
    let row = expectedRow(of: stream)
    streams.remove(at: row)
    places.remove(at: row)
    rows = [Int?](repeating: nil, count: rows.count)
    for (row, place) in places.enumerated() { rows[place] = row }
    if 3 * count < rows.count { record(places: Self.roomyPlaces(for: count)) }
    logits = network.streamStep.makeOutputs(count)
  }

  /// Places for `count` streams and for half as many to join, so that a join or a leave, on average,
  /// is a bounded share of a recording.
  private static func roomyPlaces(for count: Int) -> Int { count + count / 2 }

  /// Plans so many places, of which the streams take the first ones.
  private mutating func record(places count: Int) {
    recorded = RecordedStreams(
      network.streamStep, states: states, places: count, in: recorded.context)
    places = Array(streams.indices)
    rows = (0..<count).map { $0 < streams.count ? $0 : nil }
  }
}
