import LMNTestSupport
import Testing

@Suite struct CombinationsTests {
  private static let letters = ["a", "b", "c"]

  @Test func areAllWhereThereAreFew() {
    let found = combinations(100, of: Self.letters, [1, 2], [true, false])
    #expect(found.count == 12)
    #expect(Set(found.map { "\($0)" }).count == 12)
    #expect(found.allSatisfy { Self.letters.contains($0.0) && (1...2).contains($0.1) })
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func holdEveryValueAndNoneTwice(seed: UInt64) {
    let found = combinations(40, of: Array(0..<30), Self.letters, Array(0..<7), seed: seed)
    #expect(found.count == 40)
    #expect(Set(found.map { "\($0)" }).count == 40)
    #expect(Set(found.map(\.0)).count == 30)
    #expect(Set(found.map(\.1)).count == 3)
    #expect(Set(found.map(\.2)).count == 7)
  }

  /// With 6 and 3 values, an index modulo both counts would only give 6 of the 18 pairs.
  @Test func everyPairIsDrawnForSomeSeed() {
    let pairs = (1...40 as ClosedRange<UInt64>).flatMap { seed in
      combinations(6, of: Array(0..<6), Self.letters, seed: seed).map { "\($0)" }
    }
    #expect(Set(pairs).count == 18)
  }

  @Test func followFromTheSeed() {
    func draw(_ seed: UInt64) -> [String] {
      combinations(9, of: Array(0..<30), Self.letters, seed: seed).map { "\($0)" }
    }
    #expect(draw(3) == draw(3))
    #expect(draw(3) != draw(4))
  }
}
