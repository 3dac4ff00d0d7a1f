import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct ForecasterNetworkTests {
  /// Rows of the small forecaster's channels, normalised.
  private func normalised(_ rows: Int, seed: UInt64) -> [Float] {
    var values = SeededValues(seed: seed)
    return values.floats(2 * rows, in: -2...2)
  }

  /// The same rows in the channels' own units.
  private func own(_ values: [Float], _ normalisation: Normalisation) -> [Double] {
    values.enumerated().map { normalisation.restored($1, channel: $0 % 2) }
  }

  private func tolerance(_ forecaster: ForecasterNetwork) -> Double {
    forecaster.tolerance(on: ExecutionContext.current.instructionSet)
  }

  @Test(arguments: [1, 2, 21, 600], [nil, NetworkOption.otherMemory])
  func formsAgree(count: Int, option: NetworkOption?) throws {
    let forecaster = try ForecasterNetwork.small(option: option)
    let values = normalised(count, seed: 1)
    var state = forecaster.trunk.initialState
    let expected = forecaster(
      Tensor(shape: [count, 2], scalars: values), after: &state
    ).value
    #expect(expected.shape == [count, 6])
    for cut in [0, count / 3, count] {
      var session = ForecastSession(forecaster)
      var found: [Float] = []
      session.readNormalised(Array(values[..<(2 * cut)])) { found += $0.scalars }
      let rows = own(values, forecaster.normalisation)
      for row in cut..<count {
        let forecast = session.step(Array(rows[2 * row..<2 * row + 2]))
        #expect(forecast.count == 6)
        found += forecast.enumerated().map {
          forecaster.normalisation.normalised($1, channel: $0 % 2)
        }
      }
      #expect(session.position == count)
      // Conversion to own units and back: one rounding each, of values up to five deviations from
      // 0.
      expectNear(
        found, expected.scalars, tolerance: 2 * tolerance(forecaster), "\(cut) read, then steps")
    }
  }

  /// Inputs and forecasts are in own units.
  @Test func forecastsAreInOwnUnits() throws {
    let forecaster = try ForecasterNetwork.small()
    let values = normalised(9, seed: 2)
    var (reader, plain) = (ForecastSession(forecaster), ForecastSession(forecaster))
    let found = reader.read(own(values, forecaster.normalisation)) ?? []
    #expect(found.count == 6)
    var last: [Float] = []
    plain.readNormalised(values) { last = Array($0.scalars.suffix(6)) }
    for (index, (found, normalised)) in zip(found, last).enumerated() {
      let (mean, deviation) = index % 2 == 0 ? (100.0, 20.0) : (-3, 0.5)
      let bound = 4 * tolerance(forecaster) * deviation * 5
      #expect(abs(found - (mean + deviation * Double(normalised))) <= bound)
    }
    #expect(ForecastSession(forecaster).position == 0)
    var empty = ForecastSession(forecaster)
    #expect(empty.read([]) == nil && empty.position == 0)
  }

  @Test func sessionsAreValues() throws {
    let forecaster = try ForecasterNetwork.small()
    var session = ForecastSession(forecaster)
    session.read(own(normalised(10, seed: 3), forecaster.normalisation))
    var fork = session
    let found = session.step([90, -2])
    let other = fork.step([150, -3])
    #expect(other != found && fork.position == 11)
    #expect(session.step([90, -2]) != found)
    var restored = ForecastSession(forecaster, state: session.state)
    #expect(restored.step([80, -3]) == session.step([80, -3]))
  }

  @Test func gradientsAreSlopes() throws {
    for kind in PredictionError.allCases {
      let forecaster = try ForecasterNetwork.small()
      let window = SeriesWindow(length: 9, channels: 2, horizon: 3)
      // Absolute errors have no slope at 0, so these targets are far away.
      window.overwrite(with: normalised(11, seed: 4).map { 20 + $0 }[...])
      expectGradients(
        of: { parameters in
          var (forecaster, rest) = (forecaster, parameters[...])
          forecaster.forEachParameter { $1 = rest.removeFirst() }
          return forecaster.loss(kind, of: window)
        }, at: forecaster.stateDictionary.tensors)
    }
  }

  /// By hand: the targets of row t are rows t + 1 to t + h, as far as they exist.
  @Test(arguments: PredictionError.allCases, [10, 11, 12, 15])
  func theLossIsTheMeanOverTheTargetsThereAre(_ kind: PredictionError, rows: Int) throws {
    let forecaster = try ForecasterNetwork.small()
    let values = normalised(rows, seed: 5)
    let window = SeriesWindow(length: 9, channels: 2, horizon: 3)
    // Overwritten, to show that previous content has no effect.
    window.overwrite(with: normalised(12, seed: 6)[...])
    window.overwrite(with: values[...])
    var state = forecaster.trunk.initialState
    let forecasts = forecaster(
      Tensor(shape: [9, 2], scalars: Array(values.prefix(18))), after: &state
    ).value.doubles
    var (sum, count) = (0.0, 0.0)
    for row in 0..<9 {
      for step in 0..<3 where row + 1 + step < rows {
        for channel in 0..<2 {
          let difference =
            forecasts[6 * row + 2 * step + channel]
            - Double(values[2 * (row + 1 + step) + channel])
          sum += kind == .squared ? difference * difference : abs(difference)
          count += 1
        }
      }
    }
    let found = Double(forecaster.loss(kind, of: window).value.scalar)
    // Roundings: difference (two), square, weight (two), mean.
    #expect(abs(found - sum / count) <= Rounding.error(6) * sum / count)
  }

  @Test(arguments: PredictionError.allCases, [1, 2, 3])
  func batchesAreRecorded(_ kind: PredictionError, threads: Int) throws {
    let (first, second) = (
      try ForecasterNetwork.small(seed: 1), try ForecasterNetwork.small(seed: 2)
    )
    let batch = RecordedBatch(
      of: kind, at: first, windows: 3, length: 7, in: ExecutionContext(threadCount: threads))
    for (round, forecaster) in [first, second].enumerated() {
      batch.load(forecaster)
      for (index, window) in batch.inputs.enumerated() {
        window.overwrite(with: normalised(8 + index, seed: UInt64(3 * round + index))[...])
      }
      let value = batch.run()
      let expected = valueWithGradient(at: forecaster, overBatchOf: 3) { forecaster, item in
        forecaster.loss(kind, of: batch.inputs[item])
      }
      #expect(Float(value) == expected.value)
      #expect(batch.gradient == expected.gradient)
    }
  }

  @Test func sizesThatCannotBeAreRefused() throws {
    var source = ParameterSource(seed: 1)
    let normalisation = try #require(Normalisation(mean: [0, 0], deviation: [1, 1]))
    func make(
      _ horizon: Int, _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> ForecasterNetwork {
      var configuration = Configuration.small(vocabularySize: 2, layers: 1)
      change(&configuration)
      return try ForecasterNetwork(
        configuration, horizon: horizon, normalisation: normalisation, using: &source)
    }
    let most = Configuration.largestSize / 2
    for horizon in [0, -1, most + 1, .max] {
      #expect(
        throws: ConfigurationError.outOfRange(key: "horizon", value: horizon, range: 1...most)
      ) { try make(horizon) }
    }
    #expect(throws: ConfigurationError.tiedHead) { try make(1) { $0.tiedHead = true } }
    #expect(throws: ConfigurationError.indivisible(width: 8, heads: 3)) {
      try make(1) { $0.logarithmic.heads = 3 }
    }
  }

  @Test func trapsOnWhatIsNoInput() async {
    await #expect(processExitsWith: .failure) {
      SeriesWindow(length: 3, channels: 2, horizon: 1).overwrite(with: [1, 2, 3, 4, 5, 6][...])
    }
    await #expect(processExitsWith: .failure) {
      var session = ForecastSession(try .small())
      _ = session.step([1])
    }
  }
}
