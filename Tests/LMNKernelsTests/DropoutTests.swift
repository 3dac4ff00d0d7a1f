import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct DropoutTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    [0, 0.25, 0.9].map { dropout(count: count, rate: $0) }
      + [dropout(count: count, rate: 0.5, row: 5)]
  }
  static let sharedCalls = [dropout(count: 70 * 1024 + 5, rate: 0.5)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Known answers published by the generator's authors (Random123, kat_vectors).
  @Test func philoxHasItsKnownAnswers() {
    #expect(
      philox(key: 0, counter: [0, 0, 0, 0])
        == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      philox(key: .max, counter: [.max, .max, .max, .max])
        == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    #expect(
      philox(
        key: 0x299f_31d0_a409_3822, counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344])
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  /// The mask is that of the generator; kept values are divided by 1 − rate.
  @Test(arguments: InstructionSet.available, [0.1, 0.5, 0.75] as [Float])
  func followsTheGenerator(_ instructionSet: InstructionSet, rate: Float) {
    let (seed, number, site): (UInt64, UInt64, Int) = (0x0123_4567_89ab_cdef, 7 << 32 | 3, 11)
    let x = Tensor.random([3000], seed: 1)
    let found = computing(on: instructionSet) {
      x.dropout(rate: rate, draw: DropoutDraw(seed: seed, number: number), site: site)
    }
    let expected = x.scalars.enumerated().map { index, value -> Float in
      let block = UInt32(index / 64 * 16 + index % 16)
      let random = philox(
        key: seed,
        counter: [block, UInt32(site), UInt32(truncatingIfNeeded: number), UInt32(number >> 32)])
      return Double(random[index / 16 % 4]) < Double(rate) * 0x1p32 ? 0 : value * (1 / (1 - rate))
    }
    #expect(found.scalars == expected)
  }

  /// A random word equal to rate · 2³² keeps its value.
  @Test(arguments: InstructionSet.available)
  func keepsValuesAtTheBound(_ instructionSet: InstructionSet) throws {
    let (count, seed): (Int, UInt64) = (2000, 3)
    let words: [UInt32] = (0..<count).map { index in
      let block = UInt32(index / 64 * 16 + index % 16)
      return philox(key: seed, counter: [block, 0, 0, 0])[index / 16 % 4]
    }
    // Float32 represents word / 2³² exactly if the lowest 8 bits are zero.
    let bound: UInt32 = try #require(words.first { $0 & 0xff == 0 })
    let kept = computing(on: instructionSet) {
      Tensor(shape: [count], repeating: 1)
        .dropout(rate: Float(bound) * 0x1p-32, draw: DropoutDraw(seed: seed), site: 0)
    }
    let isDropped: [Bool] = kept.scalars.map { $0 == 0 }
    #expect(isDropped == words.map { $0 < bound })
  }

  /// The mask of some rows is a part of that of all, wherever they begin.
  @Test(arguments: InstructionSet.available, [1, 7, 16, 64, 100])
  func rowsHaveTheirPartOfTheMask(_ instructionSet: InstructionSet, width: Int) {
    computing(on: instructionSet) {
      let (x, draw) = (Tensor.random([90, width], seed: 1), DropoutDraw(seed: 3, number: 5))
      let whole = x.dropout(rate: 0.5, draw: draw, site: 2)
      let part = DropoutDraw()
      for (first, end) in [(0, 90), (1, 2), (16, 64), (33, 90)] {
        part.overwrite(with: draw, from: first)
        let found = x.rows(first..<end).dropout(rate: 0.5, draw: part, site: 2)
        #expect(found == whole.rows(first..<end), "rows from \(first)")
      }
    }
  }

  /// The share is binomial: within five standard deviations, for fixed seeds.
  @Test(arguments: [0, 0.1, 0.5, 0.9] as [Float])
  func dropsAtTheGivenRate(rate: Float) {
    let ones = Tensor(shape: [100, 1000], repeating: 1)
    for seed in 1...3 as ClosedRange<UInt64> {
      let kept = ones.dropout(rate: rate, draw: DropoutDraw(seed: seed), site: 0)
      let share = Double(kept.scalars.count { $0 == 0 }) / 100_000
      let deviation = (Double(rate) * (1 - Double(rate)) / 100_000).squareRoot()
      #expect(abs(share - Double(rate)) <= 5 * deviation, "\(share), seed \(seed)")
      #expect(Set(kept.scalars).subtracting([0]) == [1 / (1 - rate)])
    }
  }

  @Test func drawsAndSitesHaveMasksOfTheirOwn() {
    let ones = Tensor(shape: [256], repeating: 1)
    func mask(seed: UInt64 = 1, number: UInt64 = 1, site: Int = 1) -> [Float] {
      ones.dropout(rate: 0.5, draw: DropoutDraw(seed: seed, number: number), site: site).scalars
    }
    let masks = [
      mask(), mask(seed: 2), mask(seed: 1 | 1 << 32), mask(number: 2), mask(number: 1 | 1 << 32),
      mask(site: 2),
    ]
    #expect(Set(masks).count == masks.count)
    #expect(mask() == masks[0])
  }

  /// Every run reads the current draw.
  @Test func isRecordedWithADrawThatChanges() {
    let (x, draw) = (Tensor.random([100], seed: 1), DropoutDraw(seed: 5))
    var found: Tensor?
    let recording = Recording(in: .current) { found = x.dropout(rate: 0.3, draw: draw, site: 2) }
    for number in 1...3 as ClosedRange<UInt64> {
      draw.overwrite(seed: 6, number: number)
      recording.run(in: .current)
      let expected = x.dropout(rate: 0.3, draw: DropoutDraw(seed: 6, number: number), site: 2)
      #expect(found == expected)
    }
    let other = DropoutDraw()
    other.overwrite(with: draw)
    #expect(x.dropout(rate: 0.3, draw: other, site: 2) == found)
  }

  @Test func trapsOnRatesThatDropAll() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1], repeating: 0).dropout(rate: 1, draw: DropoutDraw(), site: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1], repeating: 0).dropout(rate: -0.1, draw: DropoutDraw(), site: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [1], repeating: 0).dropout(rate: .nan, draw: DropoutDraw(), site: 0)
    }
  }
}

/// Philox4x32-10 by its definition (Salmon and others, 2011).
private func philox(key: UInt64, counter: [UInt32]) -> [UInt32] {
  var (words, low, high) = (counter, UInt32(truncatingIfNeeded: key), UInt32(key >> 32))
  for _ in 0..<10 {
    let first = UInt32(0xD251_1F53).multipliedFullWidth(by: words[0])
    let second = UInt32(0xCD9E_8D57).multipliedFullWidth(by: words[2])
    words = [second.high ^ words[1] ^ low, second.low, first.high ^ words[3] ^ high, first.low]
    low &+= 0x9E37_79B9
    high &+= 0xBB67_AE85
  }
  return words
}

/// Dropout of rows of 13 values.
private func dropout(count: Int, rate: Float, row: UInt64 = 0, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "\(rate) of \(count) dropped, from row \(row), seed \(seed)", inputs: [values.floats(count)],
    accuracy: .exact
  ) { context, arrays, inputs in
    let draw = Buffer([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, row] as [UInt64])
    withExtendedLifetime(draw) {
      var arguments = lmn_dropout(
        count: count, width: 13, rate: rate, site: 3, draw: draw.elements.baseAddress,
        x: arrays.input(inputs[0]), kept: arrays.output(count))
      lmn_dropout_forward(context, &arguments)
    }
  }
}
