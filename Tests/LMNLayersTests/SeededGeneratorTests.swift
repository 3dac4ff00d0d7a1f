import FoundationEssentials
import Testing

@testable import LMNLayers

@Suite struct SeededGeneratorTests {
  @Test func splitMix64GivesTheKnownAnswers() {
    var words = SplitMix64(state: 1_234_567)
    #expect(
      (0..<5).map { _ in words.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test func xoshiroGivesTheKnownAnswers() throws {
    let state = ["1", "2", "3", "4"].map { String(repeating: "0", count: 15) + $0 }.joined()
    var generator = try #require(SeededGenerator(rawValue: state))
    #expect(
      (0..<10).map { _ in generator.next() } == [
        11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360,
        607_988_272_756_665_600, 16_172_922_978_634_559_625, 8_476_171_486_693_032_832,
        10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
      ])
  }

  @Test func seedFillsTheStateThroughSplitMix64() {
    var generator = SeededGenerator(seed: 42)
    #expect(
      (0..<3).map { _ in generator.next() } == [
        1_546_998_764_402_558_742, 6_990_951_692_964_543_102, 12_544_586_762_248_559_009,
      ])
  }

  @Test func codingKeepsThePlaceInTheSequence() throws {
    var generator = SeededGenerator(seed: 7)
    _ = generator.normal()
    var restored = try JSONDecoder().decode(
      SeededGenerator.self, from: JSONEncoder().encode(generator))
    #expect(restored == generator)
    #expect(restored.next() == generator.next())
  }

  @Test(arguments: [
    "", "12", String(repeating: "0", count: 64), String(repeating: "A", count: 64),
    String(repeating: "g", count: 64), "+" + String(repeating: "1", count: 63),
    String(repeating: "1", count: 65),
  ])
  func rejectsBrokenStates(_ state: String) {
    #expect(SeededGenerator(rawValue: state) == nil)
  }

  @Test func integersAreUniform() {
    let (bound, count) = (6, 60_000)
    var generator = SeededGenerator(seed: 1)
    var counts = [Int](repeating: 0, count: bound)
    for _ in 0..<count { counts[generator.integer(below: bound)] += 1 }
    let expected = Double(count) / Double(bound)
    let chiSquared = counts.reduce(0) { sum, observed in
      sum + (Double(observed) - expected) * (Double(observed) - expected) / expected
    }
    // The 1 − 10⁻⁶ quantile for five degrees of freedom.
    #expect(chiSquared < 35.9)
  }

  /// 8 consecutive words map to 3 integers below 3 · 2⁶¹; without rejection, multiples of 3 would
  /// occur with probability 3/8.
  @Test func integersBelowLargeBoundsHaveNoBias() {
    let (bound, count) = (3 << 61, 30_000)
    var generator = SeededGenerator(seed: 2)
    let divisible = (0..<count).count { _ in generator.integer(below: bound).isMultiple(of: 3) }
    let (mean, deviation) = (Double(count) / 3, (Double(count) * 2 / 9).squareRoot())
    #expect(abs(Double(divisible) - mean) < 5 * deviation)
  }

  @Test func integersBelowOneAreZero() {
    var generator = SeededGenerator(seed: 3)
    #expect((0..<10).allSatisfy { _ in generator.integer(below: 1) == 0 })
  }

  @Test func uniformNumbersHaveTheirMomentsAndBounds() {
    let (range, count) = (Float(-2)..<6, 40_000)
    var generator = SeededGenerator(seed: 4)
    let samples = (0..<count).map { _ in generator.uniform(in: range) }
    #expect(samples.allSatisfy(range.contains))
    expectMean(of: samples, 2)
    expectMean(of: samples.map { ($0 - 2) * ($0 - 2) }, 64 / 12)
  }

  @Test func uniformNumbersNeverReachTheUpperBound() {
    var generator = SeededGenerator(seed: 5)
    let range = Float(1)..<Float(1).nextUp
    #expect((0..<100).allSatisfy { _ in generator.uniform(in: range) == 1 })
  }

  @Test func normalNumbersHaveTheirMoments() {
    var generator = SeededGenerator(seed: 6)
    let samples = (0..<40_000).map { _ in generator.normal() }
    #expect(samples.allSatisfy { $0.isFinite })
    expectMean(of: samples, 0)
    expectMean(of: samples.map { $0 * $0 }, 1)
    expectMean(of: samples.map { $0 * $0 * $0 }, 0)
    expectMean(of: samples.map { $0 * $0 * $0 * $0 }, 3)
  }

  /// Expects the mean of the samples within five standard errors.
  private func expectMean(
    of samples: [Float], _ expected: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let count = Double(samples.count)
    let mean = samples.reduce(0) { $0 + Double($1) } / count
    let variance = samples.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    #expect(
      abs(mean - expected) < 5 * (variance / count).squareRoot(), sourceLocation: sourceLocation)
  }

  @Test func trapsOnEmptyRanges() async {
    await #expect(processExitsWith: .failure) {
      var generator = SeededGenerator(seed: 1)
      _ = generator.integer(below: 0)
    }
    await #expect(processExitsWith: .failure) {
      var generator = SeededGenerator(seed: 1)
      _ = generator.uniform(in: 1..<1)
    }
  }
}
