internal import LMNKernels
internal import LMNLayers
internal import LMNModel
internal import LMNTraining

/// Training of a forecaster on the first nine tenths of a series, and its evaluation on the rest.
struct ForecastTraining: Encodable, Sendable {
  /// Series, and the settings that suit it.
  struct Problem: Sendable {
    /// Name in tables.
    let name: String
    /// Rule of a generated series; nil for one of a file.
    let rule: String?
    let series: Series
    /// Settings as `lmn train --task forecast` has them for the training rows.
    let configuration: TrainingConfiguration

    /// Training rows; a tenth of them validates.
    var training: Series { series.prefix(series.count * 9 / 10) }
  }

  /// Inputs and outputs of a network.
  enum Form: String, CaseIterable, Sendable {
    /// The memory beside the linear map of the lags, as in `lmn train`.
    case beside = "beside the map"
    /// The memory without the map and its lags: it reads a row and its difference to the row before,
    /// and forecasts differences to the row.
    case alone
  }

  private let problem: Problem
  let configuration: TrainingConfiguration

  /// Most forecasts of an evaluation.
  static let mostOrigins = 120

  /// A training.
  ///
  /// - Parameters:
  ///   - problem: The series.
  ///   - network: The memory.
  ///   - form: Inputs and outputs.
  ///   - horizon: Rows per forecast.
  ///   - seed: Random seed.
  init(
    _ problem: Problem, _ network: RecipeNetwork, _ form: Form, horizon: Int, seed: UInt64
  ) {
    self.problem = problem
    var configuration = problem.configuration
    configuration.model.memories = network.model.memories
    configuration.task.forecast.horizon = horizon
    configuration.seed = seed
    if form == .alone {
      configuration.task.forecast.lagWindows = []
      configuration.task.forecast.network.lags = 2
    }
    let rows = ForecastData.trainingCount(of: problem.training.count)
    configuration.limitLevels(
      toStreamsOf: configuration.streamLength(over: TrainingSize(count: rows)))
    self.configuration = configuration
  }

  func encode(to encoder: any Encoder) throws { try configuration.encode(to: encoder) }

  /// Trains, and evaluates the model beside forecasts without a network.
  ///
  /// - Parameter work: Surroundings, whose directory holds the run until it is evaluated.
  /// - Returns: Errors; none if the training diverged.
  /// - Throws: ``RecipeInterruption``, or errors of series and files.
  func measure(_ work: CellWork) throws -> [MeasuredValue] {
    let (directory, known) = (RunDirectory(work.directory), [problem.training])
    let hasEnded = try work.train {
      try Trainer(configuration, series: known, file: problem.name, in: directory)
    } resume: {
      try Trainer<ForecastData>(resuming: directory) { model, configuration in
        try ForecastData(
          known, configuration.task.forecast, blockLength: configuration.blockLength,
          file: problem.name, model: model)
      }
    }
    defer { work.removeRun() }
    guard hasEnded else { return [] }
    let model = try ForecasterModel(contentsOf: directory.path)
    var origins = RollingEvaluation.Origins()
    origins.most = Self.mostOrigins
    guard let evaluation = try RollingEvaluation(of: model, on: [problem.series], origins) else {
      preconditionFailure("ForecastTraining: no horizon in the last tenth of \(problem.name)")
    }
    return
      (evaluation.all.flatMap { name, scores in
        let suffix = name == "model" ? "" : ", \(name)"
        return [
          MeasuredValue("relative MSE\(suffix)", scores.relativeError(to: evaluation.lastValue)),
          MeasuredValue("MSE (own units)\(suffix)", scores.meanSquaredError),
          MeasuredValue("MASE\(suffix)", scores.mase),
        ]
      } + [
        MeasuredValue("memory used", model.network.isLinear ? 0 : 1),
        MeasuredValue("season (rows)", evaluation.season.map(Double.init)),
        MeasuredValue("forecasts", Double(evaluation.origins)),
        MeasuredValue("parameters", Double(model.network.parameterCount)),
      ]).compactMap(\.self)
  }
}

extension ForecastScores {
  /// Mean squared error, mean over the channels.
  fileprivate var meanSquaredError: Double {
    channels.reduce(0) { $0 + $1.all.mse } / Double(channels.count)
  }

  /// Mean squared error relative to that of another forecast, mean over the channels.
  fileprivate func relativeError(to other: ForecastScores) -> Double {
    zip(channels, other.channels).reduce(0) { $0 + $1.0.all.mse / $1.1.all.mse }
      / Double(channels.count)
  }
}
