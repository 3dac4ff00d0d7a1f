import CAllocationCount
import LMNKernels
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct SessionBatchTests {
  /// States at different positions, some of which will finish several levels in the next steps.
  private func states(_ network: LogarithmicMemoryNetwork) -> [LogarithmicMemoryNetwork.State] {
    [0, 3, 7, 62, 63].map { position in
      var session = Session(network)
      session.read(tokens(position, seed: UInt64(position)))
      return session.state
    }
  }

  /// A row has the bits that its stream would have alone, on any number of threads.
  @Test(arguments: InstructionSet.available, Summarizer.Kind.allCases)
  func streamsAreIndependent(
    _ instructionSet: InstructionSet, _ summarizer: Summarizer.Kind
  ) throws {
    let network = try LogarithmicMemoryNetwork.small(summarizer)
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
    let network = try LogarithmicMemoryNetwork.small()
    var one = SessionBatch(network, states: states(network))
    _ = one.step([1, 2, 3, 4, 5])
    var (other, third) = (one, one)
    let expected = one.step([5, 4, 3, 2, 1])
    let different = other.step([0, 0, 0, 0, 0])
    #expect(expected != different)
    #expect(third.step([5, 4, 3, 2, 1]) == expected)
    #expect(third.states == one.states && other.states != one.states)
  }

  /// Logits are values: the next step leaves them as they are.
  @Test func logitsStayAsTheyWere() throws {
    var batch = SessionBatch(try .small(), streams: 2)
    let first = batch.step([1, 2])
    let scalars = first.scalars
    #expect(batch.step([3, 4]) != first)
    #expect(first.scalars == scalars)
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func stepsAllocateNothing() throws {
    var batch = SessionBatch(try .small(), streams: 3)
    let tokens: [Token] = [1, 2, 3]
    var sum: Float = 0
    for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
    let before = lmn_allocation_count()
    for _ in 0..<100 { batch.step(tokens).withScalars { sum += $0[0] } }
    #expect(lmn_allocation_count() == before)
    #expect(sum.isFinite)
  }

  @Test func trapsOnTokensThatDoNotFit() async {
    await #expect(processExitsWith: .failure) {
      var batch = SessionBatch(try LogarithmicMemoryNetwork.small(), streams: 2)
      _ = batch.step([1])
    }
    await #expect(processExitsWith: .failure) {
      var batch = SessionBatch(try LogarithmicMemoryNetwork.small(), streams: 1)
      _ = batch.step([11])
    }
  }
}
