import LMNAutodiff
import LMNKernels
import LMNLayers
public import LMNModel

extension ForecastData {
  /// Whether a new model has a fitted linear map.
  public var beginsFitted: Bool { settings.fitsLags && !settings.lagWindows.isEmpty }

  /// The model with its linear map fitted again beside its memory, to training and validation part.
  ///
  /// A memory that does not improve on the map then is left out: the validation part has to show that
  /// it improves on a map that has seen more recent rows, too. For that, both are fitted up to the middle
  /// of the validation part, and compared on the rest.
  public func finished(_ model: ForecasterModel) -> ForecasterModel? {
    guard beginsFitted else { return nil }
    var finished = model
    var memory = model.network.isLinear ? nil : memoryOutputs(of: model.network)
    if memory != nil {
      let middles = parts.map { ($0.trainingCount + $0.series.count) / 2 }
      if let both = fit(to: middles, besides: memory), let line = fit(to: middles, besides: nil) {
        var (beside, alone) = (model.network, model.network)
        beside.take(both)
        alone.take(line)
        alone.clearHead()
        if !improves(beside, on: alone, from: middles) { memory = nil }
      }
    }
    if memory == nil { finished.network.clearHead() }
    guard let fit = fit(to: parts.map(\.series.count), besides: memory) else { return nil }
    finished.network.take(fit)
    return finished
  }

  /// The linear map of the first rows of each series.
  private func fit(to counts: [Int], besides memory: [Tensor]?) -> LagMap.Fit? {
    LagMap(windows: settings.lagWindows).fit(
      to: zip(parts, counts).map { ($0.series, $1) }, in: frame, keepsUnits: true, besides: memory)
  }

  /// Outputs of the memory alone after each row of each series.
  private func memoryOutputs(of network: ForecasterNetwork) -> [Tensor] {
    var memory = network
    memory.lags = nil
    return parts.map { part in
      var outputs: [Tensor] = []
      memory.read(part.series, from: 0) { outputs.append($1) }
      return Tensor.concatenatingRows(outputs)
    }
  }

  /// Whether a network is credibly better than another without memory, from some row of each series on.
  private func improves(
    _ network: ForecasterNetwork, on line: ForecasterNetwork, from rows: [Int]
  ) -> Bool {
    var losses = ForecastLosses(settings.objective, horizon: settings.horizon)
    for (part, first) in zip(parts, rows) {
      forEachForecast(of: part.series, from: max(first - 1, 0), by: network, line: line.lags) {
        losses.add($0, line: $1, ofRow: $2, of: part.series, in: frame)
      }
      losses.endSeries()
    }
    return losses.isCredible
  }

  /// Calls `body` with the outputs of a network and of a linear map after each row that a whole horizon
  /// follows.
  ///
  /// - Parameters:
  ///   - series: A series.
  ///   - first: The first row.
  ///   - history: Rows that are read before, at most; nil for all.
  ///   - network: The network.
  ///   - line: A linear map; nil for none.
  ///   - body: Receives outputs, those of the map, and the row.
  func forEachForecast(
    of series: NormalisedSeries, from first: Int, history: Int? = nil,
    by network: ForecasterNetwork, line: Linear?,
    _ body: (_ outputs: ArraySlice<Float>, _ line: ArraySlice<Float>?, _ row: Int) -> Void
  ) {
    let width = frame.outputWidth
    network.read(series, from: first, history: history) { rows, outputs in
      let lines = line.map {
        $0(Variable(constant: frame.inputs(ofRows: rows, of: series))).value.scalars
      }
      let scalars = outputs.scalars
      for (index, row) in rows.enumerated() where row + settings.horizon < series.count {
        let place = index * width..<(index + 1) * width
        body(scalars[place], lines?[place], row)
      }
    }
  }
}

extension ForecasterNetwork {
  /// Reads a series as one stream, or where learned positions end as several that overlap by half.
  ///
  /// - Parameters:
  ///   - series: The series.
  ///   - first: The first row whose outputs are wanted.
  ///   - history: Rows that are read before, at most; nil for all.
  ///   - body: Receives rows and their outputs `[L, N]`, in order.
  func read(
    _ series: NormalisedSeries, from first: Int, history: Int? = nil,
    _ body: (_ rows: Range<Int>, _ outputs: Tensor) -> Void
  ) {
    let most = configuration.maximumLength ?? .max
    var next = first
    while next < series.count {
      let start = max(0, next - min(history ?? next, most / 2))
      let end = min(series.count, most == .max ? .max : start + most)
      var (session, row) = (Session(self), start)
      session.read(rows: start..<end, of: series) { outputs in
        let rows = row..<row + outputs.shape[0]
        row = rows.upperBound
        guard rows.upperBound > next else { return }
        let skipped = next - rows.lowerBound
        let wanted = skipped > 0 ? outputs.rows(skipped..<outputs.shape[0]) : outputs
        body(max(next, rows.lowerBound)..<rows.upperBound, wanted)
        next = rows.upperBound
      }
    }
  }

  /// Whether the memory has no part in the outputs, which are those of the linear map.
  public var isLinear: Bool {
    lags != nil
      && [head.weight, head.bias].allSatisfy { $0.value.scalars.allSatisfy { $0 == 0 } }
  }

  /// Takes the memory out of the outputs.
  mutating func clearHead() {
    head.forEachParameter { $1 = Variable(constant: Tensor(shape: $1.value.shape, repeating: 0)) }
  }
}
