import LMNAutodiff
import LMNKernels
public import LMNLayers
public import LMNModel

/// Normalised series: the first 90 % of each for training, the rest for validation, unless there are
/// series of their own for that.
public struct ForecastData: TrainingData {
  /// Trained model.
  public typealias Model = ForecasterModel
  /// Input of one batch item.
  public typealias Input = SeriesWindow

  /// Names of the channels.
  public let channels: [String]
  /// Frame of the network.
  public let frame: SeriesFrame
  let parts: [Part]
  /// The linear map, fitted to the training part; nil without lags, or for a model that has one.
  let fit: LagMap.Fit?
  let settings: ForecastSettings
  private let covariates: [String]

  /// A series and its splits.
  struct Part {
    let series: NormalisedSeries
    /// The rows before this one are for training, the others for validation.
    let trainingCount: Int
  }

  /// Splits and normalises series.
  ///
  /// - Parameters:
  ///   - series: Series of the same channels and covariates, in their own units.
  ///   - settings: Settings of the forecast.
  ///   - blockLength: Length of the windows to be drawn.
  ///   - file: Name of the series in errors.
  ///   - validation: Validation series of the same channels, and their name in errors; nil for the ends
  ///     of `series`.
  ///   - model: Model to go on with, whose frame and linear map are kept; nil for those of the training
  ///     part.
  /// - Throws: ``ForecastError`` if a split is too short or a value too large.
  public init(
    _ series: [Series], _ settings: ForecastSettings, blockLength: Int, file: String,
    validation: (series: [Series], file: String)? = nil, model: ForecasterModel? = nil
  ) throws(ForecastError) {
    (channels, covariates) = (series[0].channels, series[0].covariates)
    self.settings = settings
    let names = [channels, covariates]
    precondition(
      (series + (validation?.series ?? [])).allSatisfy { [$0.channels, $0.covariates] == names },
      "ForecastData: series of different columns")
    let counts = series.map { validation == nil ? Self.trainingCount(of: $0.count) : $0.count }
    let needed = max(blockLength, settings.horizon) + 1
    for (series, count) in zip(series, counts) {
      try Self.expect(needed, of: count, .training, of: series, in: file)
      if validation != nil { continue }
      try Self.expect(
        settings.horizon + 1, of: series.count - count, .validation, of: series, in: file)
    }
    for other in validation?.series ?? [] {
      try Self.expect(
        settings.horizon + 1, of: other.count, .validation, of: other, in: validation!.file)
    }
    var frame =
      model?.network.frame
      ?? SeriesFrame(
        settings: settings.network,
        normalisation: Normalisation(of: zip(series, counts).map { $0.prefix($1) }),
        units: SeriesFrame.Units(channels: channels.count))
    var parts: [Part] = []
    for (series, count) in zip(series, counts) + (validation?.series ?? []).map({ ($0, 0) }) {
      parts.append(Part(series: try series.normalised(in: frame), trainingCount: count))
    }
    fit =
      model == nil && settings.fitsLags && !settings.lagWindows.isEmpty
      ? LagMap(windows: settings.lagWindows).fit(
        to: parts.map { ($0.series, $0.trainingCount) }, in: frame, keepsUnits: false) : nil
    if let fit { frame.units = fit.units }
    (self.parts, self.frame) = (parts, frame)
  }

  private static func expect(
    _ needed: Int, of count: Int, _ split: Split, of series: Series, in file: String
  ) throws(ForecastError) {
    if count >= needed { return }
    let file = series.name.map { "\(file), series \($0.quoted)" } ?? file
    throw .tooShort(file: file, split, count: count, of: series.count, needed: needed)
  }

  /// Number of training rows in a series of `count` rows whose end is the validation part.
  public static func trainingCount(of count: Int) -> Int {
    Int((Double(count) * TrainingSize.share).rounded())
  }

  /// Normalised values of a split of the first series, row by row.
  public subscript(split: Split) -> ArraySlice<Double> {
    let (values, end) = (parts[0].series.values, parts[0].trainingCount * channels.count)
    return split == .training ? values[..<end] : values[end...]
  }

  /// Checksum of the values.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    func add(_ numbers: some Sequence<Double>) {
      for number in numbers {
        fingerprint.add([
          UInt32(truncatingIfNeeded: number.bitPattern),
          UInt32(truncatingIfNeeded: number.bitPattern >> 32),
        ])
      }
    }
    for name in channels + covariates {
      fingerprint.add([UInt32(name.utf8.count)])
      fingerprint.add(name.utf8)
    }
    add(frame.normalisation.mean + frame.normalisation.deviation)
    for part in parts {
      fingerprint.add(part.series.values.lazy.map { Float($0).bitPattern })
      fingerprint.add(part.series.covariates.lazy.map { Float($0).bitPattern })
    }
    // Elsewhere the values determine the split.
    if parts.count > 1 {
      for part in parts { fingerprint.add([UInt32(truncatingIfNeeded: part.trainingCount)]) }
    }
    return fingerprint.description
  }

  // MARK: - Batches

  /// Records a forecaster's mean error over a batch of windows.
  public func batch(
    _ result: Batch.Result, at network: ForecasterNetwork, for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, of: configuration.task.forecast.objective, at: network,
      windows: configuration.batchSize, length: configuration.blockLength,
      carrying: configuration.carry != nil && result == .valueAndGradient,
      recomputing: configuration.recompute)
  }

  /// Fills windows from random places, uniformly; targets after the end of the split are missing.
  ///
  /// Lags of a window are visible, also those before the split; where a series has room, windows begin
  /// after its first lags.
  public func fill(
    _ inputs: [SeriesWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    for window in inputs {
      let places = parts.map { self.places(of: window.length, in: $0, split) }
      var place = generator.integer(below: places.reduce(0) { $0 + $1.count })
      for (part, places) in zip(parts, places) {
        if place < places.count {
          window.overwrite(
            with: part.series, from: places.lowerBound + place,
            before: split == .training ? part.trainingCount : part.series.count)
          break
        }
        place -= places.count
      }
    }
  }

  /// First rows of the windows of a length in a split of a series.
  private func places(of length: Int, in part: Part, _ split: Split) -> Range<Int> {
    let rows = split == .training ? 0..<part.trainingCount : part.trainingCount..<part.series.count
    let end = max(rows.upperBound - length, rows.lowerBound)
    let first = split == .training ? frame.window - 1 : rows.lowerBound
    return min(max(first, rows.lowerBound), max(end - 1, rows.lowerBound))..<end
  }

  /// Fills a batch with the rows after those of the previous step, with carried state; otherwise from
  /// random places.
  ///
  /// The training part of the only series is divided into equal parts, one per window, after the lags of
  /// its first rows. At the end of its part a window begins anew; rows that do not fill a step are left
  /// out, alternately at the end and at the beginning of the part.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    guard configuration.carry != nil else {
      return fill(batch.inputs, of: .training, using: &generator)
    }
    let (length, partLength) = (configuration.blockLength, carriedLength(for: configuration))
    let (pass, stepOfPass) = step.quotientAndRemainder(dividingBy: partLength / length)
    if stepOfPass == 0 { batch.states = batch.inputs.map { _ in nil } }
    let place = stepOfPass * length + (pass.isMultiple(of: 2) ? 0 : partLength % length)
    for (row, window) in batch.inputs.enumerated() {
      window.overwrite(
        with: parts[0].series, from: frame.window - 1 + row * partLength + place,
        before: parts[0].trainingCount)
    }
  }

  /// Rows that a window reads before it begins anew.
  private func carriedLength(for configuration: TrainingConfiguration) -> Int {
    (parts[0].trainingCount - frame.window) / configuration.batchSize
  }

  /// Throws unless the series has the rows for a step with carried state.
  func expectParts(for configuration: TrainingConfiguration) throws(ForecastError) {
    guard configuration.carry != nil else { return }
    let training = parts.count { $0.trainingCount > 0 }
    if training > 1 { throw .severalSeries(training) }
    let length = carriedLength(for: configuration)
    if length < configuration.blockLength {
      throw .shortParts(
        rows: parts[0].trainingCount, windows: configuration.batchSize, part: max(length, 0),
        blockLength: configuration.blockLength)
    }
  }

  // MARK: - Validation

  /// Whether the linear map has a part in the outputs; without windows a new one is zero, and stays so.
  private var hasLine: Bool { !settings.fitsLags || !settings.lagWindows.isEmpty }

  /// Forecasts from each row of the validation part that a whole horizon follows, with the rows before
  /// as history.
  public func validation(
    of model: ForecasterModel, for configuration: TrainingConfiguration
  ) throws -> Validation? {
    let network = model.network
    var sums = ForecastEvaluation.Sums()
    var losses = ForecastLosses(configuration.task.forecast.objective, horizon: network.horizon)
    for part in parts where part.trainingCount < part.series.count {
      let first = max(part.trainingCount - 1, 0)
      // A bounded history, as long as several windows of the training.
      forEachForecast(
        of: part.series, from: first, history: 8 * configuration.blockLength, by: network,
        line: hasLine ? network.lags : nil
      ) { outputs, line, row in
        sums.add(outputs, ofRow: row, of: part.series, in: frame)
        losses.add(outputs, line: line, ofRow: row, of: part.series, in: frame)
      }
      losses.endSeries()
    }
    let found = ForecastEvaluation(sums)
    return Validation(
      loss: losses.mean, isCredible: losses.isCredible, forecast: found.isFinite ? found : nil)
  }
}

extension Series {
  /// The series, normalised.
  ///
  /// - Throws: ``ForecastError/tooLarge(channel:row:value:)``.
  public func normalised(in frame: SeriesFrame) throws(ForecastError) -> NormalisedSeries {
    let normalised = NormalisedSeries(values, covariates: covariateValues, in: frame)
    for (numbers, own, names) in [
      (normalised.values, values, channels), (normalised.covariates, covariateValues, covariates),
    ] {
      guard let index = numbers.firstIndex(where: { !Float($0).isFinite }) else { continue }
      throw .tooLarge(
        channel: names[index % names.count], row: index / names.count + 1, value: own[index])
    }
    return normalised
  }
}

extension Normalisation {
  /// Mean and standard deviation of each channel of some series, then of each covariate.
  init(of series: [Series]) {
    let channels = Normalisation(
      of: series.flatMap(\.values), channels: series[0].channels.count)
    let width = series[0].covariates.count
    if width == 0 {
      self = channels
      return
    }
    let covariates = Normalisation(of: series.flatMap(\.covariateValues), channels: width)
    self.init(
      mean: channels.mean + covariates.mean, deviation: channels.deviation + covariates.deviation)!
  }
}

/// A series that is unsuitable for training.
public enum ForecastError: Error, Equatable, CustomStringConvertible {
  /// A split has no room for a window and its targets.
  case tooShort(file: String, Split, count: Int, of: Int, needed: Int)
  /// A value overflows when it is normalised by mean and deviation of its channel.
  case tooLarge(channel: String, row: Int, value: Double)
  /// Carried state is for one series.
  case severalSeries(Int)
  /// The parts of a series that are read with carried state are shorter than a block.
  case shortParts(rows: Int, windows: Int, part: Int, blockLength: Int)
  /// The covariates are not known for all rows of the horizon.
  case unknownCovariates([String], known: Int, needed: Int)

  /// A sentence with the sizes.
  public var description: String {
    switch self {
    case .tooShort(let file, let split, let count, let total, let needed):
      "\(file): the series is too short: \(count) of its \(total) rows are in the \(split) part, "
        + "but this block length and horizon need at least \(needed)"
    case .tooLarge(let channel, let row, let value):
      "column \(channel.quoted), row \(row): \(value) is too far from the mean of the training part "
        + "to be normalised"
    case .severalSeries(let count):
      "carried state is for one series, there are \(count)"
    case .shortParts(let rows, let windows, let part, let blockLength):
      "\(rows) rows are \(windows) parts of \(part) rows for carried state, fewer than the \(blockLength) of "
        + "a block; give a smaller --batch-size or --block-length"
    case .unknownCovariates(let names, let known, let needed):
      "a forecast needs \(names.map(\.quoted).joined(separator: ", ")) in \(needed) rows after the last one "
        + "with values of the channels, there are \(known); leave the channels empty there"
    }
  }
}
