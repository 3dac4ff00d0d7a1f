import LMNKernels
public import LMNLayers
public import LMNModel

/// A normalised series: the first 90 % for training, the rest for validation, unless that is a series
/// of its own.
public struct ForecastData: TrainingData {
  /// Trained model.
  public typealias Model = ForecasterModel
  /// Input of one batch item.
  public typealias Input = SeriesWindow

  /// Names of the channels.
  public let channels: [String]
  /// Normalisation from the training part.
  public let normalisation: Normalisation
  private let horizon: Int
  private let values: [Float]
  private let trainingCount: Int
  /// Whether the validation part is a series of its own.
  private let hasOwnValidation: Bool

  /// Splits and normalises a series.
  ///
  /// - Parameters:
  ///   - series: The series in the channels' own units.
  ///   - horizon: Number of rows to forecast.
  ///   - blockLength: Length of the windows to be drawn.
  ///   - file: Name of the series in errors.
  ///   - validation: Validation series of the same channels, and its name in errors; nil for the end
  ///     of `series`.
  ///   - normalisation: Normalisation of a model to go on with; nil for that of the training part.
  /// - Throws: ``ForecastError`` if a split is too short or a value too large.
  public init(
    _ series: Series, horizon: Int, blockLength: Int, file: String,
    validation: (series: Series, file: String)? = nil, normalisation: Normalisation? = nil
  ) throws(ForecastError) {
    precondition(
      validation.map { $0.series.channels == series.channels } ?? true,
      "ForecastData: other channels for validation")
    let width = series.channels.count
    let trainingCount =
      validation == nil ? Self.trainingCount(of: series.count) : series.count
    let other = validation.map { ($0.file, $0.series.count, $0.series.count) }
    let rest = (file, series.count - trainingCount, series.count)
    for (split, (file, count, total), needed) in [
      (Split.training, (file, trainingCount, series.count), max(blockLength, horizon) + 1),
      (.validation, other ?? rest, horizon + 1),
    ] where count < needed {
      throw .tooShort(file: file, split, count: count, of: total, needed: needed)
    }
    let normalisation =
      normalisation
      ?? Normalisation(of: series.values[..<(trainingCount * width)], channels: width)
    var values = try series.normalised(by: normalisation)
    if let validation { values += try validation.series.normalised(by: normalisation) }
    self.values = values
    channels = series.channels
    self.normalisation = normalisation
    self.horizon = horizon
    self.trainingCount = trainingCount
    hasOwnValidation = validation != nil
  }

  /// Number of training rows in a series of `count` rows whose end is the validation part.
  public static func trainingCount(of count: Int) -> Int {
    Int((Double(count) * TrainingSize.share).rounded())
  }

  /// Normalised values of a split, row by row.
  public subscript(split: Split) -> ArraySlice<Float> {
    let end = trainingCount * channels.count
    return split == .training ? values[..<end] : values[end...]
  }

  /// Checksum of the values.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for name in channels {
      fingerprint.add([UInt32(name.utf8.count)])
      fingerprint.add(name.utf8)
    }
    for number in normalisation.mean + normalisation.deviation {
      fingerprint.add([
        UInt32(truncatingIfNeeded: number.bitPattern),
        UInt32(truncatingIfNeeded: number.bitPattern >> 32),
      ])
    }
    fingerprint.add(values.lazy.map(\.bitPattern))
    // Elsewhere the values determine the split.
    if hasOwnValidation { fingerprint.add([UInt32(truncatingIfNeeded: trainingCount)]) }
    return fingerprint.description
  }

  /// Records a forecaster's mean error over a batch of windows.
  public func batch(
    _ result: Batch.Result, at network: ForecasterNetwork, for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, of: configuration.task.forecast.objective, at: network,
      windows: configuration.batchSize, length: configuration.blockLength,
      recomputing: configuration.recompute)
  }

  /// Fills windows from random places, uniformly; targets after the end of the split are missing.
  public func fill(
    _ inputs: [SeriesWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    let (values, width) = (self[split], channels.count)
    let count = values.count / width
    for window in inputs {
      precondition(
        window.length < count, "a window of \(window.length) does not fit \(count) \(split) rows")
      let start = generator.integer(below: count - window.length)
      let end = min(start + window.length + horizon, count)
      window.overwrite(
        with: values[values.startIndex + start * width..<values.startIndex + end * width])
    }
  }

  /// Evaluates the model on the whole validation part, in blocks from the initial state, as in
  /// training.
  public func validation(
    of model: ForecasterModel, for configuration: TrainingConfiguration
  ) throws -> Validation? {
    let evaluation = try ForecastEvaluation.byBlocks(
      model, over: Array(self[.validation]), length: configuration.blockLength)
    let loss =
      switch configuration.task.forecast.objective {
      case .squared: evaluation.model.squared
      case .absolute: evaluation.model.absolute
      }
    return Validation(loss: loss, forecast: evaluation.isFinite ? evaluation : nil)
  }
}

extension Series {
  /// The values, normalised, row by row.
  ///
  /// - Throws: ``ForecastError/tooLarge(channel:row:value:)``.
  public func normalised(by normalisation: Normalisation) throws(ForecastError) -> [Float] {
    var normalised: [Float] = []
    normalised.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      let (row, channel) = index.quotientAndRemainder(dividingBy: channels.count)
      normalised.append(normalisation.normalised(value, channel: channel))
      guard normalised.last!.isFinite else {
        throw .tooLarge(channel: channels[channel], row: row + 1, value: value)
      }
    }
    return normalised
  }
}

/// A series that is unsuitable for training.
public enum ForecastError: Error, Equatable, CustomStringConvertible {
  /// A split has no room for a window and its targets.
  case tooShort(file: String, Split, count: Int, of: Int, needed: Int)
  /// A value overflows when it is normalised by mean and deviation of its channel.
  case tooLarge(channel: String, row: Int, value: Double)

  /// A sentence with the sizes.
  public var description: String {
    switch self {
    case .tooShort(let file, let split, let count, let total, let needed):
      "\(file): the series is too short: \(count) of its \(total) rows are in the \(split) part, "
        + "but this block length and horizon need at least \(needed)"
    case .tooLarge(let channel, let row, let value):
      "column \(channel.quoted), row \(row): \(value) is too far from the mean of the training part "
        + "to be normalised"
    }
  }
}
