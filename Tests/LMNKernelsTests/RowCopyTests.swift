import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RowCopyTests {
  static let calls = [0, 1, 5, 40].flatMap { width in
    [nil, [3, 1, 1, 0]].flatMap { sources in
      [nil, [2, 5, 0, 4]].map { rowCopy(width: width, from: sources, to: $0) }
    }
  }
  static let sharedCalls = [
    rowCopy(width: 7, from: nil, to: nil),
    rowCopy(width: 7, from: [3, 1, 1, 0], to: [2, 5, 0, 4]),
    rowCopy(width: 3, from: (0..<1100).map { 7 * $0 % 1100 }, to: (0..<1100).map { 1099 - $0 }),
  ]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test func gathersRows() {
    let matrix = Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6])
    #expect(matrix.rows(at: [2, 0, 2]).scalars == [5, 6, 1, 2, 5, 6])
    #expect(matrix.rows(at: []).shape == [0, 2])
  }

  @Test func trapsOnRowsOutOfRange() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).rows(at: [3])
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).rows(at: PositionBuffer([0, 3] as [Int64]))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).rows(at: PositionBuffer([-1] as [Int64]))
    }
  }

  /// Positions change between two runs of a recording.
  @Test func trapsWhenRecordedPositionsLeaveTheRows() async {
    await #expect(processExitsWith: .failure) {
      let positions: PositionBuffer = [2]
      let matrix = Tensor(shape: [3, 2], repeating: 0)
      let recording = Recording(in: .current) {
        _ = matrix.rows(at: positions)
        positions.advance()
      }
      recording.run(in: .current)
    }
  }
}

/// Copies rows of an array with two rows more; rows that are not targets stay unchanged.
///
/// Copies four rows if neither sources nor targets are given.
private func rowCopy(width: Int, from sources: [Int64]?, to targets: [Int64]?) -> KernelCall {
  var values = SeededValues(seed: 1)
  let rows = (sources ?? targets)?.count ?? 4
  return KernelCall(
    "\(rows) rows \(sources == nil ? "in order" : "") of width \(width) to "
      + (targets == nil ? "the first ones" : "others"),
    inputs: [values.floats((rows + 2) * width), values.floats((rows + 2) * width)],
    accuracy: .exact
  ) { context, arrays, inputs in
    let (sourceRows, targetRows) = (sources.map(Buffer.init), targets.map(Buffer.init))
    withExtendedLifetime((sourceRows, targetRows)) {
      var arguments = lmn_row_copy(
        rows: rows, width: width, source: arrays.input(inputs[0]),
        source_rows: sourceRows?.elements.baseAddress, target: arrays.updated(inputs[1]),
        target_rows: targetRows?.elements.baseAddress)
      lmn_row_copy_forward(context, &arguments)
    }
  }
}
