import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct PositionsTests {
  private func positions(
    _ kind: Positions.Kind, width: Int = 5, maximumLength: Int = 9
  ) -> Positions {
    var source = ParameterSource(seed: 1)
    return Positions(kind, width: width, maximumLength: maximumLength, using: &source)
  }

  @Test(arguments: [1, 2, 5, 8])
  func sinusoidsAreThoseOfTheirDefinition(width: Int) {
    let x = Tensor.random([4, width], seed: 2)
    for start in [0, 7, 1000] {
      let found = positions(.sinusoidal, width: width)(
        Variable(constant: x), at: PositionBuffer(start..<start + 4)
      ).value
      let expected = x.scalars.enumerated().map { index, value in
        let (row, feature) = (index / width, index % width)
        let angle = Double(start + row) / pow(10_000, Double(feature / 2 * 2) / Double(width))
        return value + Float(feature % 2 == 0 ? sin(angle) : cos(angle))
      }
      // Roundings of the sinusoid, at most 1, and of a sum of at most 3.
      let bound = Rounding.error(24) + Rounding.error(2) * 3
      expectClose(
        found.scalars, expected, within: expected.map { _ in bound }, "from \(start)")
    }
  }

  @Test func learnedPositionsAreRowsOfTheTable() {
    let learned = positions(.learned)
    let table = learned.stateDictionary.tensors[0]
    #expect(learned.stateDictionary.names == ["weight"])
    #expect(table.shape == [9, 5])
    let x = Tensor.random([3, 5], seed: 2)
    #expect(
      learned(Variable(constant: x), at: PositionBuffer(6..<9)).value == x.adding(table.rows(6..<9))
    )
  }

  @Test func noPositionsLeaveThingsAsTheyAre() {
    let (x, buffer) = (Tensor.random([2, 5], seed: 2), PositionBuffer(3..<5))
    #expect(positions(.none)(Variable(constant: x), at: buffer).value == x)
    #expect(positions(.none).stateDictionary.names.isEmpty)
  }

  /// Each row has its own position, which a recorded computation reads at each run.
  @Test(arguments: [Positions.Kind.sinusoidal, .learned])
  func rowsHaveTheirOwnPositions(_ kind: Positions.Kind) {
    let (positions, x) = (positions(kind), Tensor.random([2, 5], seed: 3))
    let buffer: PositionBuffer = [0, 4]
    var found: Tensor?
    let recording = Recording(in: .current) {
      found = positions(Variable(constant: x), at: buffer).value
    }
    for step in 1...4 {
      buffer.advance()
      recording.run(in: .current)
      for (row, start) in [0, 4].enumerated() {
        let alone = positions(
          Variable(constant: x.rows(row..<row + 1)), at: [Int64(start + step)])
        #expect(found!.rows(row..<row + 1) == alone.value)
      }
    }
  }

  @Test func gradients() {
    let learned = positions(.learned)
    expectGradients(
      of: { v in
        var positions = learned
        positions.forEachParameter { $1 = v[1] }
        return positions(v[0], at: PositionBuffer(2..<6))
      }, at: [.random([4, 5], seed: 1), learned.stateDictionary.tensors[0]])
  }

  @Test func trapsAfterTheLastPosition() async {
    await #expect(processExitsWith: .failure) {
      var source = ParameterSource(seed: 1)
      let learned = Positions(.learned, width: 2, maximumLength: 3, using: &source)
      _ = learned(
        Variable(constant: Tensor(shape: [2, 2], repeating: 0)), at: PositionBuffer(2..<4))
    }
    await #expect(processExitsWith: .failure) {
      var source = ParameterSource(seed: 1)
      let learned = Positions(.learned, width: 2, maximumLength: 3, using: &source)
      let (x, positions) = (Tensor(shape: [1, 2], repeating: 0), [2] as PositionBuffer)
      let recording = Recording(in: .current) { _ = learned(Variable(constant: x), at: positions) }
      positions.advance()
      recording.run(in: .current)
    }
    await #expect(processExitsWith: .failure) {
      var source = ParameterSource(seed: 1)
      _ = Positions(.learned, width: 2, maximumLength: nil, using: &source)
    }
  }
}
