import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct ForecasterNetworkTests {
  /// Rows of the small forecaster's channels, in their own units.
  private func rows(_ count: Int, seed: UInt64) -> [Double] {
    var values = SeededValues(seed: seed)
    return values.floats(2 * count, in: -2...2).enumerated().map { index, value in
      index % 2 == 0 ? 100 + 20 * Double(value) : -3 + 0.5 * Double(value)
    }
  }

  /// Normalised rows, with covariates for as many rows again.
  private func series(
    _ count: Int, seed: UInt64, of network: ForecasterNetwork
  ) -> NormalisedSeries {
    NormalisedSeries(
      rows(count, seed: seed), covariates: covariates(2 * count, of: network), in: network.frame)
  }

  private func covariates(_ count: Int, of network: ForecasterNetwork) -> [Double] {
    var values = SeededValues(seed: 99)
    return values.floats(count * network.settings.covariates, in: -1...3).map(Double.init)
  }

  private func tolerance(_ forecaster: ForecasterNetwork) -> Double {
    forecaster.tolerance(on: ExecutionContext.current.instructionSet)
  }

  /// Forecasts in own units by the definition: the network over all inputs at once.
  private func forecasts(_ network: ForecasterNetwork, _ series: NormalisedSeries) -> [[Double]] {
    var state = network.initialState
    let inputs = network.frame.inputs(ofRows: 0..<series.count, of: series)
    let outputs = network(inputs, after: &state).value
    #expect(outputs.shape == [series.count, 6])
    return (0..<series.count).map { row in
      network.frame.restored(
        network.frame.forecast(
          outputs.scalars[6 * row..<6 * (row + 1)], ofRow: row, of: series))
    }
  }

  @Test(
    arguments: [1, 2, 21, 600],
    [
      Frame(), Frame(option: .otherMemory), Frame(lags: 5), Frame(lags: 5, .last),
      Frame(lags: 4, .window), Frame(lags: 3, .none), Frame(lags: 3, .last, covariates: 2),
    ])
  func formsAgree(count: Int, frame: Frame) throws {
    let forecaster = try ForecasterNetwork.small(
      lags: frame.lags, normalisation: frame.normalisation, covariates: frame.covariates,
      option: frame.option)
    let values = rows(count, seed: 1)
    let expected = forecasts(forecaster, series(count, seed: 1, of: forecaster))
    let known = covariates(2 * count, of: forecaster)
    for cut in [0, count / 3, count] {
      var session = ForecastSession(forecaster)
      // Covariates are known from the beginning.
      var found = cut == 0 ? nil : session.read(Array(values[..<(2 * cut)]), covariates: known)
      for row in max(cut, 1) - 1..<count {
        if row >= cut {
          found = session.step(
            Array(values[2 * row..<2 * row + 2]), covariates: row == 0 ? known : [])
        }
        for (index, (found, expected)) in zip(try #require(found), expected[row]).enumerated() {
          // Of outputs, levels and scales up to some deviations from 0.
          let deviation = forecaster.normalisation.deviation[index % 2]
          let size = max(20, abs(expected - forecaster.normalisation.mean[index % 2]) / deviation)
          #expect(
            abs(found - expected) <= 4 * tolerance(forecaster) * size * deviation,
            "\(cut) read, then steps, row \(row)")
        }
      }
      #expect(session.position == count)
    }
  }

  /// Inputs and outputs of a forecaster.
  struct Frame: Sendable {
    var lags = 0
    var normalisation = ForecasterNetwork.NormalisationKind.global
    var covariates = 0
    var option: NetworkOption?

    init(
      lags: Int = 0, _ normalisation: ForecasterNetwork.NormalisationKind = .global,
      covariates: Int = 0, option: NetworkOption? = nil
    ) {
      (self.lags, self.normalisation) = (lags, normalisation)
      (self.covariates, self.option) = (covariates, option)
    }
  }

  /// A constant added to a channel is added to its forecasts; with `window` a factor is one too.
  @Test func relativeForecastsFollowTheLevel() throws {
    for kind in ForecasterNetwork.NormalisationKind.allCases {
      var forecaster = try ForecasterNetwork.small(lags: 4, normalisation: kind)
      // Of the level itself only the linear map knows.
      let level = forecaster.frame.firstLevel..<forecaster.frame.firstCovariate
      for map in [\ForecasterNetwork.lags!.weight, \ForecasterNetwork.projection.weight] {
        let weight = forecaster[keyPath: map].value
        let width = weight.shape[1]
        forecaster[keyPath: map] = Variable(
          constant: Tensor(
            shape: weight.shape,
            scalars: weight.scalars.enumerated().map { level.contains($0 % width) ? 0 : $1 }))
      }
      func forecast(_ change: (Double) -> Double) -> [Double] {
        var session = ForecastSession(forecaster)
        return session.read(
          rows(30, seed: 7).enumerated().map { $0 % 2 == 0 ? change($1) : $1 })!
      }
      func isFollowed(_ change: (Double) -> Double) -> Bool {
        zip(forecast(change), forecast { $0 }.enumerated()).allSatisfy { found, plain in
          let expected = plain.0 % 2 == 0 ? change(plain.1) : plain.1
          return abs(found - expected) < 1e-2
        }
      }
      #expect(isFollowed { $0 } && isFollowed { $0 + 50 } == kind.isRelative, "\(kind)")
      #expect(isFollowed { 2 * $0 } == (kind == .window), "\(kind)")
    }
  }

  /// Every input, by its definition.
  @Test func inputsAreTheWindow() throws {
    let network = try ForecasterNetwork.small(
      lags: 3, normalisation: .last, covariates: 1)
    let series = series(8, seed: 3, of: network)
    let inputs = network.frame.inputs(ofRows: 0..<8, of: series)
    #expect(inputs.shape == [8, 3 * 2 + 2 + (3 + 3)])
    func z(_ row: Int, _ channel: Int) -> Double { series.values[2 * max(row, 0) + channel] }
    for row in 0..<8 {
      let lags = (row - 2...row).flatMap { other in
        [0.7, 1.5].enumerated().map { (z(other, $0) - z(row, $0)) / $1 }
      }
      let known = (row - 2...row + 3).map { series.covariates[min(max($0, 0), 15)] }
      let expected = lags + [z(row, 0), z(row, 1)] + known
      #expect(Array(inputs.scalars[14 * row..<14 * (row + 1)]) == expected.map { Float($0) })
    }
  }

  @Test func sessionsAreValues() throws {
    for lags in [0, 4] {
      let forecaster = try ForecasterNetwork.small(
        lags: lags, normalisation: lags == 0 ? .global : .last)
      var session = ForecastSession(forecaster)
      session.read(rows(10, seed: 3))
      var fork = session
      let found = session.step([90, -2])
      let other = fork.step([150, -3])
      #expect(other != found && fork.position == 11)
      #expect(session.step([90, -2]) != found)
      var restored = ForecastSession(forecaster, state: session.state)
      #expect(restored.step([80, -3]) == session.step([80, -3]))
      var empty = ForecastSession(forecaster)
      #expect(empty.read([]) == nil && empty.position == 0)
    }
  }

  @Test(arguments: [0, 3], PredictionError.allCases)
  func gradientsAreSlopes(lags: Int, kind: PredictionError) throws {
    let forecaster = try ForecasterNetwork.small(
      lags: lags, normalisation: lags == 0 ? .global : .last)
    let window = SeriesWindow(length: 9, in: forecaster.frame)
    window.overwrite(with: series(14, seed: 4, of: forecaster), from: 3, before: 14)
    if kind == .absolute {
      // Absolute errors have no slope at 0, so these targets are far away.
      window.targets.overwrite { targets in
        for index in 0..<window.targets.count { targets[index] += 20 }
      }
    }
    expectGradients(
      of: { parameters in
        var (forecaster, rest) = (forecaster, parameters[...])
        forecaster.forEachParameter { $1 = rest.removeFirst() }
        return forecaster.loss(kind, of: window)
      }, at: forecaster.stateDictionary.tensors)
  }

  /// By hand: the targets of row t are rows t + 1 to t + h, as far as they exist.
  @Test(arguments: PredictionError.allCases, [10, 11, 12, 15])
  func theLossIsTheMeanOverTheTargetsThereAre(_ kind: PredictionError, rows: Int) throws {
    let forecaster = try ForecasterNetwork.small()
    let values = series(rows, seed: 5, of: forecaster)
    let window = SeriesWindow(length: 9, in: forecaster.frame)
    // Overwritten, to show that previous content has no effect.
    window.overwrite(with: series(12, seed: 6, of: forecaster), from: 0, before: 12)
    window.overwrite(with: values, from: 0, before: rows)
    var state = forecaster.trunk.initialState
    let forecasts = forecaster(
      forecaster.frame.inputs(ofRows: 0..<9, of: values), after: &state
    ).value.doubles
    var (sum, count) = (0.0, 0.0)
    for row in 0..<9 {
      for step in 0..<3 where row + 1 + step < rows {
        for channel in 0..<2 {
          let difference =
            forecasts[6 * row + 2 * step + channel]
            - Double(Float(values.values[2 * (row + 1 + step) + channel]))
          sum += kind == .squared ? difference * difference : abs(difference)
          count += 1
        }
      }
    }
    let found = Double(forecaster.loss(kind, of: window).value.scalar)
    // Roundings: difference (two), square, weight (two), mean.
    #expect(abs(found - sum / count) <= Rounding.error(6) * sum / count)
  }

  /// The recorded loss has the same bits as the called one, and no gradient of the linear map.
  @Test(arguments: [(0, 1), (0, 2), (0, 3), (3, 1), (3, 2)], PredictionError.allCases)
  func batchesAreRecorded(_ sizes: (lags: Int, threads: Int), kind: PredictionError) throws {
    let networks = try [1, 2].map {
      try ForecasterNetwork.small(
        lags: sizes.lags, normalisation: sizes.lags == 0 ? .global : .last, seed: $0)
    }
    let batch = RecordedBatch(
      of: kind, at: networks[0], windows: 3, length: 7,
      in: ExecutionContext(threadCount: sizes.threads))
    for (round, forecaster) in networks.enumerated() {
      batch.load(forecaster)
      for (index, window) in batch.inputs.enumerated() {
        window.overwrite(
          with: series(8 + index, seed: UInt64(3 * round + index), of: forecaster), from: 0,
          before: 8 + index)
      }
      let value = batch.run()
      let expected = valueWithGradient(at: forecaster, overBatchOf: 3) { forecaster, item in
        forecaster.loss(kind, of: batch.inputs[item])
      }
      #expect(Float(value) == expected.value)
      for (name, (found, gradient)) in zip(
        batch.names, zip(batch.gradients, expected.gradient.tensors))
      {
        let isHeld = name.hasPrefix("lags.")
        #expect(gradient.scalars.contains { $0 != 0 }, "\(name)")
        #expect(
          found.scalars == (isHeld ? gradient.scalars.map { _ in 0 } : gradient.scalars), "\(name)")
      }
    }
  }

  /// A window continues from the final state of the one before, until it begins anew.
  @Test func windowsCarryTheirState() throws {
    let network = try ForecasterNetwork.small(lags: 3, normalisation: .last)
    let batch = RecordedBatch(of: .squared, at: network, windows: 2, length: 6, carrying: true)
    let both = (1...2).map { series(60, seed: UInt64($0), of: network) }
    var states = [network.initialState, network.initialState]
    for step in 0..<8 {
      if step == 5 {
        states = [network.initialState, network.initialState]
        batch.states = [nil, nil]
      }
      var sum = 0.0
      for (index, window) in batch.inputs.enumerated() {
        window.overwrite(with: both[index], from: 2 + 6 * step, before: 60)
        var pass = network.trunk.pass(after: states[index].position, length: 6)
        let loss = network.loss(.squared, of: window, after: &states[index], &pass)
        sum += Double(loss.value.scalar) / 2
      }
      #expect(abs(batch.run() - sum) <= 1e-6 * sum, "step \(step)")
    }
    #expect(batch.states.map { $0?.position } == [18, 18])
  }

  @Test func sizesThatCannotBeAreRefused() throws {
    var source = ParameterSource(seed: 1)
    let normalisation = try #require(Normalisation(mean: [0, 0], deviation: [1, 1]))
    func make(
      _ horizon: Int, _ setting: (inout ForecasterNetwork.Settings) -> Void = { _ in },
      _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> ForecasterNetwork {
      var configuration = Configuration.small(vocabularySize: 2, layers: 1)
      change(&configuration)
      var settings = ForecasterNetwork.Settings()
      settings.horizon = horizon
      setting(&settings)
      return try ForecasterNetwork(
        configuration, settings, normalisation: normalisation, using: &source)
    }
    let most = Configuration.largestSize / 2
    for horizon in [0, -1, most + 1, .max] {
      #expect(
        throws: ConfigurationError.outOfRange(key: "horizon", value: horizon, range: 1...most)
      ) { try make(horizon) }
    }
    #expect(throws: ConfigurationError.tiedHead) { try make(1, { _ in }) { $0.tiedHead = true } }
    #expect(throws: ConfigurationError.indivisible(width: 8, heads: 3)) {
      try make(1, { _ in }) { $0.logarithmic.heads = 3 }
    }
    #expect(throws: ConfigurationError.outOfRange(key: "lags", value: 1, range: 2...most - 1)) {
      try make(1) { ($0.lags, $0.normalisation) = (1, .last) }
    }
    #expect(throws: ConfigurationError.outOfRange(key: "lags", value: -1, range: 0...most - 1)) {
      try make(1) { $0.lags = -1 }
    }
    for quantiles in [[0.5, 0.1], [0], [0.2, 1], [0.3, 0.3]] {
      #expect(throws: ConfigurationError.self) { try make(1) { $0.quantiles = quantiles } }
    }
  }

  @Test func trapsOnWhatIsNoInput() async {
    await #expect(processExitsWith: .failure) {
      let network = try ForecasterNetwork.small(horizon: 1)
      SeriesWindow(length: 3, in: network.frame).overwrite(
        with: NormalisedSeries([1, 2, 3, 4, 5, 6], in: network.frame), from: 0, before: 3)
    }
    await #expect(processExitsWith: .failure) {
      var session = ForecastSession(try .small())
      _ = session.step([1])
    }
  }
}
