import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GroupingTests {
  /// Compares with pairs of token and memory sorted by memory, then token.
  @Test(arguments: [0, 1, 2, 7, 100, 1100], [1, 2, 5])
  func agreesWithASort(rows: Int, memories: Int) {
    for routed in 1...memories {
      var values = SeededValues(seed: UInt64(rows + routed))
      let chosen = (0..<rows).flatMap { _ in
        (0..<Int32(memories)).shuffled(using: &values).prefix(routed)
      }
      for isShared in [false, true] {
        expectASort(chosen, rows: rows, memories: memories, isShared: isShared)
      }
    }
  }

  /// All tokens in one memory, the first, one in between or the last.
  @Test(arguments: [0, 2, 4] as [Int32], [false, true])
  func groupsTokensOfOneMemory(memory: Int32, isShared: Bool) {
    expectASort([memory, memory, memory], rows: 3, memories: 5, isShared: isShared)
  }

  /// A memory that is chosen twice by a token, as NaN makes a router do, has two rows of it.
  @Test func groupsRepeatedChoices() {
    let (offsets, places) = grouped([0, 0, 1, 0], rows: 2, memories: 2, isShared: false)
    #expect(offsets == [0, 3, 4])
    #expect(places == [0, 1, 3, 2])
  }

  @Test func groupsByTheRouterOfEveryRun() {
    let context = ExecutionContext(threadCount: 1)
    let logits = Tensor(overwritable: Tensor(shape: [2, 2], scalars: [1, 0, 0, 1]))
    let x = Tensor(shape: [2, 1], scalars: [5, 7])
    var dispatched: Tensor?
    let recording = Recording(in: context) {
      let grouping = Grouping(logits.routed(to: 1), isShared: true)
      #expect(grouping.choicesPerToken == 2)
      #expect(grouping.segments.rows == 4 && grouping.segments.count == 3)
      dispatched = x.dispatched(by: grouping)
    }
    #expect(dispatched!.scalars == [5, 7, 5, 7])
    logits.overwrite(withScalarsOf: Tensor(shape: [2, 2], scalars: [0, 1, 1, 0]))
    recording.run(in: context)
    #expect(dispatched!.scalars == [7, 5, 5, 7])
  }
}

private func grouped(
  _ chosen: [Int32], rows: Int, memories: Int, isShared: Bool
) -> (offsets: [Int], places: [Int]) {
  let routed = rows == 0 ? 1 : chosen.count / rows
  let results = GuardedArguments.results { arrays in
    var arguments = lmn_grouping(
      rows: rows, memories: memories, routed: routed, shared: isShared,
      chosen: arrays.input(chosen),
      offsets: arrays.integerOutput(memories + (isShared ? 1 : 0) + 1),
      places: arrays.integerOutput(rows * (routed + (isShared ? 1 : 0))))
    lmn_group_tokens(&arguments)
  }
  return (results[0].map { Int($0) }, results[1].map { Int($0) })
}

private func expectASort(
  _ chosen: [Int32], rows: Int, memories: Int, isShared: Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let routed = rows == 0 ? 0 : chosen.count / rows
  let perToken = routed + (isShared ? 1 : 0)
  // Memory of each choice, the shared one being the last.
  var received: [Int] = []
  for row in 0..<rows {
    received += chosen[row * routed..<(row + 1) * routed].map { Int($0) }
    if isShared { received.append(memories) }
  }
  let order = received.indices.sorted {
    received[$0] == received[$1] ? $0 / perToken < $1 / perToken : received[$0] < received[$1]
  }
  var places = [Int](repeating: 0, count: received.count)
  for (place, choice) in order.enumerated() { places[choice] = place }
  let segments = memories + (isShared ? 1 : 0)
  let offsets = (0...segments).map { memory in received.count { $0 < memory } }

  let found = grouped(chosen, rows: rows, memories: memories, isShared: isShared)
  let label = Comment(rawValue: "\(rows) tokens, \(routed) of \(memories) memories")
  #expect(found.offsets == offsets, label, sourceLocation: sourceLocation)
  #expect(found.places == places, label, sourceLocation: sourceLocation)
  #expect(
    found.places.sorted() == Array(0..<received.count), label, sourceLocation: sourceLocation)
}
