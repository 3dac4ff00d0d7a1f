import Testing

@testable import LMNCharts

@Suite struct AxisMapTests {
  @Test(
    arguments: [
      ([0, 5000], Axis.Scale.linear, ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
      ([1.69, 2.08], .linear, ["1.6", "1.7", "1.8", "1.9", "2.0", "2.1"]),
      ([-3, 4], .linear, ["−4", "−2", "0", "2", "4"]),
      ([300, 900_000], .logarithmic, ["100", "1,000", "10,000", "100,000", "1,000,000"]),
      (
        [2e-6, 1e-4], .logarithmic,
        ["2 · 10⁻⁶", "5 · 10⁻⁶", "10⁻⁵", "2 · 10⁻⁵", "5 · 10⁻⁵", "0.0001"]
      ),
    ] as [([Double], Axis.Scale, [String])])
  func labelsRoundValuesAroundTheData(
    _ values: [Double], _ scale: Axis.Scale, _ labels: [String]
  ) {
    let map = AxisMap(Axis("x", scale: scale), covering: values)
    #expect(map.ticks.map(\.label) == labels)
  }

  @Test(
    arguments: [Axis.Scale.linear, .logarithmic],
    [[1], [7, 7, 7], [1, 1 + 1e-15], [3, 1e12], [1e-30, 2e-30], [0.1, 0.3], []] as [[Double]])
  func hasAPlaceForEveryValue(_ scale: Axis.Scale, _ values: [Double]) throws {
    let map = AxisMap(Axis("x", scale: scale), covering: values)
    let places = try values.map { try #require(map.place(of: $0)) }
    #expect(places.allSatisfy { (-1e-9...1 + 1e-9).contains($0) })
    #expect(map.ticks.count >= 2)
    let ticks = try map.ticks.map { try #require(map.place(of: $0.value)) }
    #expect(ticks == ticks.sorted() && Set(map.ticks.map(\.label)).count == ticks.count)
    for value in values {
      let place = try #require(map.place(of: value))
      #expect(abs(map.value(at: place) - value) <= 1e-9 * abs(value))
    }
  }

  @Test func leavesOutWhatItCannotShow() {
    let map = AxisMap(Axis("x", scale: .logarithmic), covering: [0, -1, .nan, .infinity, 10, 1000])
    #expect(map.place(of: 0) == nil && map.place(of: -1) == nil && map.place(of: .nan) == nil)
    #expect(map.place(of: 10) == 0 && map.place(of: 1000) == 1)
    #expect(AxisMap(Axis("x"), covering: [.nan]).place(of: .infinity) == nil)
  }

  @Test func coversTheGivenRange() {
    let map = AxisMap(Axis("accuracy", range: 0...100), covering: [40, 50])
    #expect(map.place(of: 0) == 0 && map.place(of: 100) == 1)
  }

  @Test(
    arguments: [
      (0, "0"), (1234.5, "1,235"), (0.9876, "0.988"), (-12.34, "−12.3"), (1e9, "10⁹"),
      (0.00025, "0.000250"), (.nan, "–"),
    ] as [(Double, String)])
  func writesThreeDigits(_ number: Double, _ text: String) { #expect(number.short == text) }
}
