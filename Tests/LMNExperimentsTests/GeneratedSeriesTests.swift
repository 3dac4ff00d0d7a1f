import Foundation
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct GeneratedSeriesTests {
  @Test(arguments: GeneratedSeries.allCases)
  func seriesDependOnTheirSeed(_ kind: GeneratedSeries) {
    let series = kind.series(rows: 300, seed: 1)
    #expect(series.channels == ["x"] && series.count == 300)
    #expect(series.values.allSatisfy(\.isFinite) && Set(series.values).count > 250)
    #expect(series == kind.series(rows: 300, seed: 1))
    #expect(series.values != kind.series(rows: 300, seed: 2).values)
    // A longer one goes on.
    #expect(kind.series(rows: 400, seed: 1).values.prefix(300) == series.values[...])
  }

  /// Until the delay has passed, the equation is linear and has a closed solution.
  @Test func mackeyGlassBeginsWithItsClosedSolution() {
    let start = 1.2
    let limit = 10 * 0.2 * start / (1 + pow(start, 10))
    let samples = GeneratedSeries.mackeyGlass(17, from: start, skipping: 0)
    for (index, sample) in samples.enumerated() {
      let expected = limit + (start - limit) * exp(-0.1 * Double(index + 1))
      #expect(abs(sample - expected) < 1e-9)
    }
  }

  /// 0.2 / (1 + 1) − 0.1 = 0.
  @Test func mackeyGlassRestsAtOne() {
    let samples = GeneratedSeries.mackeyGlass(50, from: 1, skipping: 0)
    #expect(samples.allSatisfy { abs($0 - 1) < 1e-12 })
  }

  @Test func mackeyGlassStaysInItsRange() {
    let values = GeneratedSeries.mackeyGlass.series(rows: 3000, seed: 3).values
    #expect(values.allSatisfy { (0.2...1.4).contains($0) })
    #expect(values.contains { $0 < 0.5 } && values.contains { $0 > 1.2 })
  }

  /// The fixed points are x = y = ±√72, z = 27, and the system is symmetric.
  @Test func lorenzHasItsFixedPointsAndSymmetry() {
    let root = 72.squareRoot()
    let rest = GeneratedSeries.lorenz(20, from: [root, root, 27], skipping: 0)
    #expect(rest.allSatisfy { abs($0 - root) < 1e-9 })
    let one = GeneratedSeries.lorenz(200, from: [1, 0.5, 20], skipping: 0)
    let other = GeneratedSeries.lorenz(200, from: [-1, -0.5, 20], skipping: 0)
    #expect(one.map { -$0 } == other)
    let values = GeneratedSeries.lorenz.series(rows: 3000, seed: 1).values
    #expect(values.allSatisfy { abs($0) < 25 })
    #expect(values.contains { $0 < -10 } && values.contains { $0 > 10 })
  }

  @Test func dayAndWeekFollowTheFormula() {
    let values = GeneratedSeries.doubleSeasonality(24 * 7) { 0 }
    #expect(values[0] == 10)
    func week(_ row: Double) -> Double { row / 1000 + sin(2 * .pi * row / 168) }
    // The highest hours of a working day and of a day off.
    #expect(abs(values[6] - (13 + week(6))) < 1e-12)
    #expect(abs(values[5 * 24 + 6] - (11 + week(126))) < 1e-9)
    let noisy = GeneratedSeries.doubleSeasonality(24) { 1 }
    for (value, noisy) in zip(values, noisy) { #expect(abs(noisy - value - 0.5) < 1e-12) }
  }
}
