import CAllocationCount
import LMNKernels
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct SessionBatchTests {
  /// States at different positions, some of which finish several levels in the next steps.
  private func states(_ network: LanguageNetwork) -> [Trunk.State] {
    [0, 3, 7, 62, 63].map { position in
      var session = Session(network)
      session.read(tokens(position, seed: UInt64(position)))
      return session.state
    }
  }

  /// A row has the bits that its stream has alone, on any number of threads.
  @Test(arguments: InstructionSet.available, SummarizerKind.allCases)
  func streamsAreIndependent(
    _ instructionSet: InstructionSet, _ summarizer: SummarizerKind
  ) throws {
    let network = try LanguageNetwork.small(summarizer)
    let inputs = (0..<5).map { tokens(9, seed: 100 + $0) }
    let alone = computing(on: instructionSet) {
      zip(states(network), inputs).map { state, input in
        var session = SessionBatch(network, states: [state])
        return (outputs: input.map { session.step([$0]).scalars }, state: session.states[0])
      }
    }
    for threads in 1...4 {
      computing(on: instructionSet, threads: threads) {
        var batch = SessionBatch(network, states: states(network))
        for step in 0..<9 {
          let logits = batch.step(inputs.map { $0[step] })
          for row in 0..<5 {
            #expect(
              logits.rows(row..<row + 1).scalars == alone[row].outputs[step],
              "stream \(row), step \(step), \(threads) threads")
          }
        }
        #expect(batch.states == alone.map(\.state))
      }
    }
  }

  @Test func copiesAreForks() throws {
    let network = try LanguageNetwork.small()
    var one = SessionBatch(network, states: states(network))
    _ = one.step([1, 2, 3, 4, 5])
    var (other, third) = (one, one)
    let expected = one.step([5, 4, 3, 2, 1])
    let different = other.step([0, 0, 0, 0, 0])
    #expect(expected != different)
    #expect(third.step([5, 4, 3, 2, 1]) == expected)
    #expect(third.states == one.states && other.states != one.states)
  }

  /// Logits are values: the next step does not change them.
  @Test func logitsStayAsTheyWere() throws {
    var batch = SessionBatch(try LanguageNetwork.small(), streams: 2)
    let first = batch.step([1, 2])
    let scalars = first.scalars
    #expect(batch.step([3, 4]) != first)
    #expect(first.scalars == scalars)
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func stepsAllocateNothing() throws {
    var batch = SessionBatch(try LanguageNetwork.small(), streams: 3)
    let tokens: [Token] = [1, 2, 3]
    var sum: Float = 0
    for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
    let before = lmn_allocation_count()
    for _ in 0..<100 { batch.step(tokens).withScalars { sum += $0[0] } }
    #expect(lmn_allocation_count() == before)
    #expect(sum.isFinite)
  }

  /// A cache of attention grows by a chunk of 64 tokens, unless it is a ring.
  @Test(.enabled(if: lmn_counts_allocations()), arguments: [nil, 20])
  func stepsAllocateWhereACacheGrows(window: Int?) throws {
    let network = try LanguageNetwork.small(option: .attention(window: window))
    // Allocations are counted per thread.
    computing(threads: 1) {
      var batch = SessionBatch(network, streams: 3)
      let tokens: [Token] = [1, 2, 3]
      var sum: Float = 0
      for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
      for (steps, grows) in [(61, false), (1, true), (63, false), (1, true)] {
        let before = lmn_allocation_count()
        for _ in 0..<steps { batch.step(tokens).withScalars { sum += $0[0] } }
        let found = Int(lmn_allocation_count() - before)
        #expect(found == (grows && window == nil ? 3 : 0), "position \(batch.states[0].position)")
      }
      #expect(sum.isFinite)
    }
  }

  /// Steps that rewrite slots allocate nothing either.
  @Test(.enabled(if: lmn_counts_allocations()))
  func stepsWithSlotsDoNotAllocate() throws {
    let network = try LanguageNetwork.small(option: .slots)
    computing(threads: 1) {
      var batch = SessionBatch(network, streams: 3)
      let tokens: [Token] = [1, 2, 3]
      var sum: Float = 0
      for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
      let before = lmn_allocation_count()
      for _ in 0..<20 { batch.step(tokens).withScalars { sum += $0[0] } }
      #expect(lmn_allocation_count() == before)
      #expect(sum.isFinite)
    }
  }

  // MARK: - Joining and leaving

  /// A stream with its outputs so far, and a session with the same stream alone.
  private struct JoinedStream {
    let stream: SessionBatch<LanguageNetwork>.Stream
    var alone: SessionBatch<LanguageNetwork>
  }

  /// Random joins and leaves: rows have the bits that their streams have alone, in the order of
  /// joining.
  @Test(arguments: InstructionSet.available, [1, 3])
  func streamsJoinAndLeave(_ instructionSet: InstructionSet, threads: Int) throws {
    let networks =
      try SummarizerKind.allCases.map { try LanguageNetwork.small($0) }
      + (NetworkOption.all + [.attention(), .attention(window: 5), .slots]).map {
        try .small(option: $0)
      }
    for network in networks {
      computing(on: instructionSet, threads: threads) {
        let states = states(network)
        var random = SeededValues(seed: 7)
        func chance(_ bound: Int) -> Int { Int(random.integers(1, below: bound)[0]) }
        var batch = SessionBatch(network, states: [])
        var joined: [JoinedStream] = []
        var largest = 0
        for round in 0..<60 {
          // First more streams join, then more leave.
          let (most, least) = (chance(4), chance(2))
          let (coming, going) = round < 30 ? (most, least) : (least, most)
          for _ in 0..<coming {
            let state = states[chance(states.count)]
            joined.append(
              JoinedStream(
                stream: batch.join(state), alone: SessionBatch(network, states: [state])))
          }
          for _ in 0..<min(going, joined.count) {
            let joinedStream = joined.remove(at: chance(joined.count))
            #expect(batch.state(of: joinedStream.stream) == joinedStream.alone.states[0])
            batch.leave(joinedStream.stream)
            #expect(batch.row(of: joinedStream.stream) == nil)
          }
          largest = max(largest, joined.count)
          #expect(batch.streams == joined.map(\.stream))
          let tokens = random.integers(joined.count, below: 11)
          let logits = batch.step(tokens)
          #expect(logits.shape == [joined.count, 11])
          for row in joined.indices {
            let expected = joined[row].alone.step([tokens[row]])
            #expect(logits.rows(row..<row + 1) == expected, "row \(row) of round \(round)")
            #expect(batch.row(of: joined[row].stream) == row)
          }
        }
        #expect(largest > 8 && joined.count < largest / 3, "up to \(largest) streams")
        #expect(batch.states == joined.map { $0.alone.states[0] })
      }
    }
  }

  @Test func emptyBatchesWaitForStreams() throws {
    let network = try LanguageNetwork.small()
    var batch = SessionBatch(network, states: [])
    #expect(batch.count == 0 && batch.states.isEmpty)
    #expect(batch.step([]).shape == [0, 11])
    let stream = batch.join()
    var alone = SessionBatch(network, streams: 1)
    #expect(batch.step([3]) == alone.step([3]))
    batch.leave(stream)
    #expect(batch.step([]).shape == [0, 11])
    #expect(batch.join() != stream)
    #expect(batch.states == [network.initialState])
  }

  /// Learned positions limit each stream separately.
  @Test func learnedPositionsEndForEveryStreamAlone() throws {
    let network = try LanguageNetwork.small(option: .learnedPositions(5))
    var batch = SessionBatch(network, streams: 3)
    var alone = SessionBatch(network, streams: 1)
    batch.leave(batch.streams[0])
    for _ in 0..<4 { _ = batch.step([1, 2]) }
    let (last, newcomer) = (batch.streams[1], batch.join())
    _ = batch.step([1, 2, 3])
    batch.leave(last)
    for _ in 0..<3 { batch.join() }
    batch.leave(batch.streams[0])
    _ = alone.step([3])
    for token: Token in 4...7 {
      let logits = batch.step([Token](repeating: token, count: 4))
      #expect(logits.rows(0..<1) == alone.step([token]))
    }
    #expect(batch.row(of: newcomer) == 0 && batch.state(of: newcomer).position == 5)
  }

  /// Changes of a fork, with or without a new recording, do not affect the other.
  @Test func forksChangeByThemselves() throws {
    let network = try LanguageNetwork.small()
    var original = SessionBatch(network, states: states(network))
    for round in 0..<4 {
      let (before, streams) = (original.states, original.streams)
      var (left, joined) = (original, original)
      left.leave(streams[1])
      let newcomer = joined.join(before[3])
      #expect(original.states == before && original.streams == streams)
      #expect(left.states == Array(before[..<1]) + Array(before[2...]))
      #expect(joined.states == before + [before[3]])

      let tokens = (0..<streams.count).map { Token(($0 + round) % 11) }
      let expected = original.step(tokens)
      let without = left.step(Array(tokens[..<1]) + Array(tokens[2...]))
      let with = joined.step(tokens + [tokens[3]])
      #expect(without.rows(0..<1) == expected.rows(0..<1))
      #expect(without.rows(1..<without.shape[0]) == expected.rows(2..<tokens.count))
      #expect(with.rows(0..<tokens.count) == expected)
      #expect(joined.state(of: newcomer) == original.states[3])
      original = joined
    }
  }

  /// Joins of two forks that share a free place.
  @Test func forksJoinByThemselves() throws {
    let network = try LanguageNetwork.small()
    let states = states(network)
    var batch = SessionBatch(network, states: [])
    for count in 0..<6 {
      var (one, other) = (batch, batch)
      let (first, second) = (one.join(states[2]), other.join(states[3]))
      #expect(one.state(of: first) == states[2], "after \(count) streams")
      #expect(other.state(of: second) == states[3], "after \(count) streams")
      #expect(batch.count == count)
      batch.join(states[1])
    }
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func stepsBetweenChangesAllocateNothing() throws {
    var batch = SessionBatch(try LanguageNetwork.small(), streams: 3)
    let first = batch.streams[0]
    var sum: Float = 0
    for change in 0..<3 {
      switch change {
      case 0: batch.join()
      case 1: batch.leave(first)
      default: for _ in 0..<4 { batch.join() }
      }
      let tokens = [Token](repeating: 1, count: batch.count)
      for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
      let before = lmn_allocation_count()
      for _ in 0..<50 { batch.step(tokens).withScalars { sum += $0[0] } }
      #expect(lmn_allocation_count() == before, "after change \(change)")
    }
    #expect(sum.isFinite)
  }

  @Test func trapsOnStreamsThatAreNotThere() async {
    await #expect(processExitsWith: .failure) {
      var batch = SessionBatch(try LanguageNetwork.small(), streams: 2)
      let stream = batch.streams[0]
      batch.leave(stream)
      batch.leave(stream)
    }
    await #expect(processExitsWith: .failure) {
      let one = SessionBatch(try LanguageNetwork.small(), streams: 1)
      let two = SessionBatch(try LanguageNetwork.small(), streams: 2)
      _ = one.state(of: two.streams[1])
    }
  }

  @Test func trapsOnTokensThatDoNotFit() async {
    await #expect(processExitsWith: .failure) {
      var batch = SessionBatch(try LanguageNetwork.small(), streams: 2)
      _ = batch.step([1])
    }
    await #expect(processExitsWith: .failure) {
      var batch = SessionBatch(try LanguageNetwork.small(), streams: 1)
      _ = batch.step([11])
    }
  }
}
