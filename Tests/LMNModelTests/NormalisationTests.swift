import FoundationEssentials
import LMNModel
import LMNTestSupport
import Testing

@Suite struct NormalisationTests {
  @Test func channelsGetMeanZeroAndDeviationOne() {
    var random = SeededValues(seed: 1)
    let (rows, scales) = (500, [(1e9, 1.0), (-2, 1e-6), (0, 1e6)])
    let values = (0..<rows).flatMap { _ in
      zip(random.floats(3), scales).map { Double($0) * $1.1 + $1.0 }
    }
    let normalisation = Normalisation(of: values, channels: 3)
    for channel in 0..<3 {
      let found = (0..<rows).map {
        normalisation.normalised(values[3 * $0 + channel], channel: channel)
      }
      let mean = found.reduce(0, +) / Double(rows)
      let variance = found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
      // A value near 10⁹ has a resolution of 10⁻⁷, a normalised one of half a unit in the last
      // place.
      #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-6, "channel \(channel)")
    }
  }

  @Test func theDeviationIsThatOfThePopulation() {
    let normalisation = Normalisation(of: [1, 2, 3, 4, 5, 12], channels: 2)
    #expect(normalisation.mean == [3, 6])
    #expect(abs(normalisation.deviation[0] - (8.0 / 3).squareRoot()) < 1e-15)
    #expect(abs(normalisation.deviation[1] - (56.0 / 3).squareRoot()) < 1e-14)
  }

  /// At any magnitude, also where the mean of equal values is rounded.
  @Test(arguments: [0, 0.1, -1e300, 0x1p-1070, 7])
  func constantChannelsHaveDeviationOne(value: Double) {
    let normalisation = Normalisation(of: [Double](repeating: value, count: 11), channels: 1)
    #expect(normalisation.mean == [value] && normalisation.deviation == [1])
    #expect(normalisation.normalised(value, channel: 0) == 0)
    #expect(normalisation.restored(0, channel: 0) == value)
  }

  @Test(arguments: [1e300, 1e-300])
  func sizesWhoseSquaresAreNoNumbersAreNormalised(size: Double) {
    let normalisation = Normalisation(of: [-size, size], channels: 1)
    #expect(normalisation.mean == [0])
    #expect(abs(normalisation.deviation[0] / size - 1) < 1e-15)
  }

  @Test func valuesAreRestored() throws {
    let normalisation = try #require(Normalisation(mean: [5, -1], deviation: [2, 10]))
    #expect(normalisation.normalised(9, channel: 0) == 2)
    #expect(normalisation.normalised(-6, channel: 1) == -0.5)
    #expect(normalisation.restored(2, channel: 0) == 9)
    #expect(normalisation.restored(-0.5, channel: 1) == -6)
  }

  @Test func codingGivesTheSameBits() throws {
    var random = SeededValues(seed: 2)
    let values = random.floats(60).map { Double($0) / 3 }
    let normalisation = Normalisation(of: values, channels: 3)
    let data = try JSONEncoder().encode(normalisation)
    #expect(try JSONDecoder().decode(Normalisation.self, from: data) == normalisation)
  }

  @Test(arguments: [
    #"{"mean":[1],"deviation":[1,2]}"#, #"{"mean":[],"deviation":[]}"#,
    #"{"mean":[1],"deviation":[0]}"#, #"{"mean":[1],"deviation":[-1]}"#,
    #"{"mean":[1e999],"deviation":[1]}"#, #"{"mean":[1]}"#,
  ])
  func numbersOfNoSeriesAreRefused(json: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Normalisation.self, from: Data(json.utf8))
    }
  }
}
