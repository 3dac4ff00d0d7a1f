import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GroupedMatmulTests {
  static let calls: [KernelCall] = {
    // Rows around tiles of 24.
    let rows = [0, 1, 2, 7, 23, 24, 25, 47, 49, 100]
    let small = combinations(
      240, of: rows, SegmentDivision.allCases, [0, 1, 2, 3, 7, 8, 9, 17, 33], awkwardSizes
    ).flatMap { calls(rows: $0, divided: $1, inner: $2, columns: $3) }
    let long = SegmentDivision.allCases.flatMap {
      calls(rows: 1100, divided: $0, inner: 9, columns: 18)
    }
    return small + long
  }()
  static let sharedCalls =
    calls(rows: 1100, divided: .ragged, inner: 20, columns: 70)
    + calls(rows: 70, divided: .emptyMiddle, inner: 50, columns: 200)
    + calls(rows: 100, divided: .whole, inner: 30, columns: 150)

  private static func calls(
    rows: Int, divided division: SegmentDivision, inner: Int, columns: Int
  ) -> [KernelCall] {
    [
      product(rows: rows, divided: division, inner: inner, columns: columns, hasBias: true),
      product(rows: rows, divided: division, inner: inner, columns: columns, hasBias: false),
      rightPullback(rows: rows, divided: division, inner: inner, columns: columns),
      rowSum(rows: rows, divided: division, columns: columns),
    ]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Every segment is a product of its own.
  @Test(arguments: InstructionSet.available, SegmentDivision.allCases)
  func segmentsAreProducts(_ instructionSet: InstructionSet, _ division: SegmentDivision) {
    let (rows, inner, columns) = (100, 5, 33)
    let call = product(
      rows: rows, divided: division, inner: inner, columns: columns, hasBias: true)
    let together = call.results(in: instructionSet.context())[0]
    let (left, right, bias) = (call.inputs[0], call.inputs[1], call.inputs[2])
    for (segment, range) in division.ranges(rows: rows).enumerated() {
      let alone = computing(on: instructionSet) {
        tensor(left, rows: range, width: inner).matmul(
          tensor(right, rows: segment * inner..<(segment + 1) * inner, width: columns),
          bias: Tensor(
            shape: [columns], scalars: Array(bias[segment * columns..<(segment + 1) * columns])))
      }
      #expect(
        alone.scalars[...] == together[range.lowerBound * columns..<range.upperBound * columns])
    }
  }

  @Test func trapsOnShapesThatDoNotMatch() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).groupedMatmul(
        Tensor(shape: [2, 2, 4], repeating: 0), of: Segments(rows: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).groupedMatmul(
        Tensor(shape: [1, 2, 4], repeating: 0), of: Segments(rows: 4))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).groupedMatmul(
        Tensor(shape: [1, 2, 4], repeating: 0), bias: Tensor(shape: [4], repeating: 0),
        of: Segments(rows: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).summedRows(of: Segments(rows: 4))
    }
  }
}

private func tensor(_ values: [Float], rows: Range<Int>, width: Int) -> Tensor {
  Tensor(
    shape: [rows.count, width],
    scalars: Array(values[rows.lowerBound * width..<rows.upperBound * width]))
}

private func product(
  rows: Int, divided division: SegmentDivision, inner: Int, columns: Int, hasBias: Bool,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (count, offsets) = (division.count, division.offsets(rows: rows))
  return KernelCall(
    """
    \(division) [\(rows), \(inner)] . [\(inner), \(columns)]\(hasBias ? " + bias" : ""), seed \
    \(seed)
    """,
    inputs: [
      values.floats(rows * inner), values.floats(count * inner * columns),
      values.floats(count * columns),
    ],
    accuracy: .polynomial(roundings: inner + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_grouped_matmul(
      rows: rows, inner: inner, columns: columns, segments: count,
      offsets: offsets.map(arrays.input), left: arrays.input(inputs[0]),
      right: arrays.input(inputs[1]), bias: hasBias ? arrays.input(inputs[2]) : nil,
      product: arrays.output(rows * columns))
    lmn_grouped_matmul_forward(context, &arguments)
  }
}

private func rightPullback(
  rows: Int, divided division: SegmentDivision, inner: Int, columns: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (count, offsets) = (division.count, division.offsets(rows: rows))
  return KernelCall(
    "\(division) [\(rows), \(inner)]^T . [\(rows), \(columns)], seed \(seed)",
    inputs: [values.floats(rows * inner), values.floats(rows * columns)],
    accuracy: .polynomial(roundings: rows + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_grouped_matmul_grad(
      rows: rows, inner: inner, columns: columns, segments: count,
      offsets: offsets.map(arrays.input), left: arrays.input(inputs[0]),
      d_product: arrays.input(inputs[1]), d_right: arrays.output(count * inner * columns))
    lmn_grouped_matmul_backward_right(context, &arguments)
  }
}

private func rowSum(
  rows: Int, divided division: SegmentDivision, columns: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (count, offsets) = (division.count, division.offsets(rows: rows))
  return KernelCall(
    "\(division) sum of [\(rows), \(columns)], seed \(seed)",
    inputs: [values.floats(rows * columns)],
    // Blocks of 256 rows, their sum, and the reference's rounding.
    accuracy: .polynomial(roundings: min(rows, 256) + (rows + 255) / 256 + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_grouped_row_sum(
      rows: rows, columns: columns, segments: count, offsets: offsets.map(arrays.input),
      matrix: arrays.input(inputs[0]), sum: arrays.output(count * columns))
    lmn_grouped_row_sum_forward(context, &arguments)
  }
}
