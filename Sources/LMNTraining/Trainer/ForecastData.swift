import LMNKernels
public import LMNLayers
public import LMNModel

/// A normalised series, its first nine tenths to train on and the rest to validate with.
public struct ForecastData: TrainingData {
  /// What is trained.
  public typealias Model = ForecasterModel
  /// What is learned from.
  public typealias Input = SeriesWindow

  /// The names of the channels.
  public let channels: [String]
  /// Of the part to train on.
  public let normalisation: Normalisation
  private let horizon: Int
  private let values: [Float]
  private let trainingCount: Int

  /// A series, divided.
  ///
  /// - Parameters:
  ///   - series: In the channels' own units.
  ///   - horizon: How many values of every channel are forecast.
  ///   - blockLength: The length of the windows that will be asked for.
  ///   - file: What errors call the series.
  /// - Throws: ``ForecastError`` if a split is too short.
  public init(_ series: Series, horizon: Int, blockLength: Int, file: String) throws(ForecastError)
  {
    let width = series.channels.count
    let trainingCount = Int((Double(series.count) * 0.9).rounded())
    for (split, count, needed) in [
      (Split.training, trainingCount, max(blockLength, horizon) + 1),
      (.validation, series.count - trainingCount, horizon + 1),
    ] where count < needed {
      throw .tooShort(file: file, split, count: count, of: series.count, needed: needed)
    }
    let normalisation = Normalisation(
      of: series.values[..<(trainingCount * width)], channels: width)
    values = normalisation.normalised(series.values)
    channels = series.channels
    self.normalisation = normalisation
    self.horizon = horizon
    self.trainingCount = trainingCount
  }

  /// The normalised values of a split, row by row.
  public subscript(split: Split) -> ArraySlice<Float> {
    let end = trainingCount * channels.count
    return split == .training ? values[..<end] : values[end...]
  }

  /// Tells this series from any other, value by value.
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
    return fingerprint.description
  }

  /// Records a forecaster's mean error over a batch of windows.
  public func batch(
    _ result: Batch.Result, at network: ForecasterNetwork, for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, of: configuration.task.forecast.objective, at: network,
      windows: configuration.batchSize, length: configuration.blockLength)
  }

  /// Windows at random places, each place as likely as any other; targets behind the end of the split
  /// are missing.
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

  /// Measured on all of the validation part, in blocks that begin anew, as in training.
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

extension Normalisation {
  /// All values of a series, normalised.
  public func normalised(_ values: [Double]) -> [Float] {
    values.enumerated().map { normalised($1, channel: $0 % channels) }
  }
}

/// Why a forecast cannot be learned.
public enum ForecastError: Error, Equatable, CustomStringConvertible {
  /// A split has no room for a window and what is forecast behind it.
  case tooShort(file: String, Split, count: Int, of: Int, needed: Int)

  /// The error as a sentence for the user.
  public var description: String {
    switch self {
    case .tooShort(let file, let split, let count, let total, let needed):
      "\(file): the series is too short: \(count) of its \(total) rows are for \(split), but this "
        + "block length and horizon need at least \(needed)"
    }
  }
}
