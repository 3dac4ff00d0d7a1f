import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct MatmulTests {
  /// Rows and columns around tiles.
  static let products: [KernelCall] = {
    let rows = [0, 1, 2, 3, 5, 6, 7, 12, 13, 23, 24, 25, 49]
    let inner = [1, 2, 3, 4, 7, 8, 17, 0, 24, 33]
    let small = combinations(400, of: rows, inner, awkwardSizes, [true, false]).enumerated().map {
      product(rows: $1.0, inner: $1.1, columns: $1.2, hasBias: $1.3, seed: UInt64($0))
    }
    // One or two rows are computed in strips of up to 16 vectors.
    let flat = [1, 2, 3].flatMap { rows in
      [255, 256, 257, 300, 513].map {
        product(rows: rows, inner: 9, columns: $0, hasBias: rows > 1, seed: 1)
      }
    }
    // Sets with narrow panels copy these: blocks of 256 steps, of 192 rows or, below 256 columns, of
    // 240 and more, in place; the last panel may have any width.
    let copied =
      combinations(30, of: [95, 96, 97, 192, 193, 385], [255, 256, 257, 513], [255, 256, 263])
      + combinations(
        60, of: [96, 101, 240, 241, 243], [1, 17, 257], [1, 7, 8, 9, 15, 17, 31, 48])
      + combinations(20, of: [31, 32, 33], [3, 257, 300], [1, 9, 512, 520])
    let blocks = copied.map {
      product(rows: $0, inner: $1, columns: $2, hasBias: $0 % 2 > 0, seed: 1)
    }
    // At these sizes a block has 264 rows.
    let tall = [263, 264, 265, 529].map {
      product(rows: $0, inner: 250, columns: 270, hasBias: true, seed: 1)
    }
    return small + flat + blocks + tall
  }()

  /// The same with sums of lengths around blocks of 64 to 256.
  static let rightPullbacks: [KernelCall] = {
    let inner = [1, 2, 3, 5, 6, 7, 12, 13, 23, 24, 25, 49]
    let rows = [1, 2, 3, 4, 7, 8, 17, 0, 24, 33]
    let small = combinations(360, of: rows, inner, awkwardSizes).enumerated().map {
      rightPullback(rows: $1.0, inner: $1.1, columns: $1.2, seed: UInt64($0))
    }
    let deep = [255, 256, 257, 511, 512, 513].map {
      rightPullback(rows: $0, inner: 7, columns: 18, seed: 1)
    }
    let wide = [63, 64, 65, 129].map {
      rightPullback(rows: $0, inner: 520, columns: 65, seed: 1)
    }
    // Sets with narrow panels copy the right factor of these, and both factors from 2^16 on.
    let copied =
      combinations(
        60, of: [1, 17, 255, 256, 257], [95, 96, 97, 191, 193], [1, 9, 16, 31, 65, 350])
      + combinations(12, of: [16, 240, 256, 257], [192, 198, 199, 390], [345, 352])
      + combinations(20, of: [3, 257], [31, 32, 33], [7, 24, 512, 513])
    let blocks = copied.map { rightPullback(rows: $0, inner: $1, columns: $2, seed: 1) }
    // From 1024 x 512 on, some sets use OpenBLAS, 128 rows at a time.
    let wider = [(9, 1023), (9, 1024), (1, 1025), (0, 1025)].map { rows, inner in
      rightPullback(rows: rows, inner: inner, columns: 512, seed: 1)
    }
    // Products of short sums with long rows are computed row by row of tiles.
    let stored = combinations(24, of: [1, 2, 15, 16], [1, 5, 13, 31], [511, 512, 513, 530]).map {
      rightPullback(rows: $0, inner: $1, columns: $2, seed: 1)
    }
    return small + deep + wide + blocks + wider + stored
  }()

  static let calls = products + rightPullbacks + longCalls + sharedCalls
  static let sharedCalls = [
    product(rows: 60, inner: 40, columns: 150, hasBias: true, seed: 1),
    product(rows: 1, inner: 40, columns: 300, hasBias: true, seed: 1),
    product(rows: 600, inner: 250, columns: 270, hasBias: false, seed: 1),
    product(rows: 1300, inner: 9, columns: 33, hasBias: false, seed: 1),
    product(rows: 420, inner: 300, columns: 40, hasBias: true, seed: 1),
    rightPullback(rows: 300, inner: 250, columns: 270, seed: 1),
    rightPullback(rows: 60, inner: 50, columns: 150, seed: 1),
    rightPullback(rows: 3, inner: 200, columns: 600, seed: 1),
    rightPullback(rows: 700, inner: 65, columns: 65, seed: 1),
    rightPullback(rows: 1300, inner: 9, columns: 5, seed: 1),
    rightPullback(rows: 13, inner: 1030, columns: 512, seed: 1),
  ]
  /// Three and more blocks of rows or of terms, and units in both directions.
  static let longCalls = [
    product(rows: 1100, inner: 250, columns: 70, hasBias: true, seed: 1),
    product(rows: 3, inner: 1100, columns: 70, hasBias: true, seed: 1),
    rightPullback(rows: 1100, inner: 33, columns: 70, seed: 1),
    rightPullback(rows: 300, inner: 520, columns: 20, seed: 1),
  ]

  @Test(arguments: InstructionSet.tuned, calls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, [1, 8, 33, 65, 300])
  func rowsDoNotDependOnTheirNeighbours(_ instructionSet: InstructionSet, columns: Int) {
    expectSameBits(instructionSet, rows: 99, inner: 19, columns: columns)
  }

  /// Sums of two and three blocks.
  @Test(arguments: InstructionSet.available, [1, 33, 257])
  func rowsOfLongSumsDoNotDependOnTheirNeighbours(_ instructionSet: InstructionSet, columns: Int) {
    for inner in [256, 257, 600] {
      expectSameBits(instructionSet, rows: 197, inner: inner, columns: columns)
    }
  }

  /// Checks that every row has the bits that it has alone.
  private func expectSameBits(
    _ instructionSet: InstructionSet, rows: Int, inner: Int, columns: Int
  ) {
    let batch = product(rows: rows, inner: inner, columns: columns, hasBias: true, seed: 3)
    let together = batch.results(in: instructionSet.context())[0]
    let one = product(rows: 1, inner: inner, columns: columns, hasBias: true, seed: 3)
    for row in 0..<rows {
      let left = Array(batch.inputs[0][row * inner..<(row + 1) * inner])
      let alone = one.results(
        in: instructionSet.context(), inputs: [left] + batch.inputs.dropFirst())[0]
      #expect(alone[...] == together[row * columns..<(row + 1) * columns], "row \(row)")
    }
  }

  @Test func multipliesByHand() {
    let left = Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6])
    let right = Tensor(shape: [3, 2], scalars: [1, 0, 0, 1, 2, -1])
    #expect(left.matmul(right).scalars == [7, -1, 16, -1])
    #expect(
      left.matmul(right, bias: Tensor(shape: [2], scalars: [10, 20])).scalars == [17, 19, 26, 19])
    #expect(
      left.matmulPullback(ofRight: Tensor(shape: [2, 2], scalars: [1, 0, 0, 1])).scalars
        == [1, 4, 2, 5, 3, 6])
  }

  @Test func trapsOnShapesThatDoNotMatch() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).matmul(Tensor(shape: [2, 3], repeating: 0))
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).matmul(
        Tensor(shape: [3, 4], repeating: 0), bias: Tensor(shape: [3], repeating: 0))
    }
  }
}

private func product(
  rows: Int, inner: Int, columns: Int, hasBias: Bool, seed: UInt64
) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "[\(rows), \(inner)] . [\(inner), \(columns)]\(hasBias ? " + bias" : ""), seed \(seed)",
    inputs: [
      values.floats(rows * inner), values.floats(inner * columns), values.floats(columns),
    ],
    accuracy: .polynomial(roundings: inner + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_matmul(
      rows: rows, inner: inner, columns: columns, left: arrays.input(inputs[0]),
      right: arrays.input(inputs[1]), bias: hasBias ? arrays.input(inputs[2]) : nil,
      product: arrays.output(rows * columns))
    lmn_matmul_forward(context, &arguments)
  }
}

private func rightPullback(rows: Int, inner: Int, columns: Int, seed: UInt64) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "[\(rows), \(inner)]^T . [\(rows), \(columns)], seed \(seed)",
    inputs: [values.floats(rows * inner), values.floats(rows * columns)],
    accuracy: .polynomial(roundings: rows + 1)
  ) { context, arrays, inputs in
    var arguments = lmn_matmul_grad(
      rows: rows, inner: inner, columns: columns, left: arrays.input(inputs[0]),
      d_product: arrays.input(inputs[1]), d_right: arrays.output(inner * columns))
    lmn_matmul_backward_right(context, &arguments)
  }
}
