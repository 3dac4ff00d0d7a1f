import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GroupingTests {
  /// Tokens, memories, choices of a token, and whether there is a shared memory.
  static let groupings = [
    (1, 1, 1, false), (5, 3, 1, false), (4, 3, 2, true), (9, 4, 4, false), (30, 5, 2, true),
  ].map { tokens, memories, routed, isShared in
    Grouping(
      Tensor.random([tokens, memories], seed: 1).routed(to: routed), isShared: isShared)
  }

  @Test(arguments: groupings.indices, [1, 7, 33])
  func gradientsOfDispatchedRows(_ index: Int, width: Int) {
    let grouping = Self.groupings[index]
    expectGradients(
      of: { $0[0].dispatched(by: grouping) },
      at: [.random([grouping.choices.tokens, width], seed: 2)])
  }

  @Test(arguments: groupings.indices, [1, 7, 33])
  func gradientsOfCombinedRows(_ index: Int, width: Int) {
    let grouping = Self.groupings[index]
    expectGradients(
      of: { $0[0].combined(by: grouping, weights: $0[1]) },
      at: [
        .random([grouping.segments.rows, width], seed: 2),
        .random([grouping.choices.tokens, grouping.choices.routed], seed: 3),
      ])
  }

  /// Inner size and columns.
  @Test(arguments: groupings.indices, [[1, 1], [5, 3], [16, 33]])
  func gradientsOfGroupedMaps(_ index: Int, size: [Int]) {
    expectGradientsOfGroupedMaps(of: Self.groupings[index].segments, size)
  }

  /// One segment of all rows, and segments of which some are empty.
  @Test func gradientsOfOneSegmentAndOfEmptyOnes() {
    expectGradientsOfGroupedMaps(of: Segments(rows: 6), [5, 3])
    for memory in 0..<3 {
      let logits = Tensor(shape: [4, 3], scalars: (0..<12).map { $0 % 3 == memory ? 1 : 0 })
      expectGradientsOfGroupedMaps(
        of: Grouping(logits.routed(to: 1), isShared: false).segments, [5, 3])
    }
  }

  private func expectGradientsOfGroupedMaps(
    of segments: Segments, _ size: [Int], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let inputs = [
      Tensor.random([segments.rows, size[0]], seed: 2),
      .random([segments.count, size[1], size[0]], seed: 3),
    ]
    expectGradients(
      of: { $0[0].groupedLinear(weight: $0[1], of: segments) }, at: inputs,
      sourceLocation: sourceLocation)
    expectGradients(
      of: { $0[0].groupedLinear(weight: $0[1], bias: $0[2], of: segments) },
      at: inputs + [.random([segments.count, size[1]], seed: 4)], sourceLocation: sourceLocation)
  }

  /// A token's row of every memory, times its weight, adds up to the token times their sum, 1.
  @Test(arguments: InstructionSet.available)
  func combinesWhatItDispatches(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let x = Variable(constant: .random([20, 9], seed: 1))
      let routing = Routing(logits: Variable(constant: .random([20, 5], seed: 2)), routed: 3)
      let grouping = Grouping(routing.choices, isShared: false)
      let combined = x.dispatched(by: grouping).combined(by: grouping, weights: routing.weights)
      expectClose(
        combined.value.scalars, x.value.scalars,
        within: x.value.doubles.map { Rounding.error(16) * abs($0) }, "combined")
    }
  }
}
