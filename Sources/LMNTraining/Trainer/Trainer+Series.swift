import LMNKernels
import LMNLayers
import LMNModel

extension Trainer where Data == ForecastData {
  /// A new run on series.
  ///
  /// - Parameters:
  ///   - configuration: The settings, including those of a forecast.
  ///   - series: Series of the same channels and covariates, in their own units.
  ///   - file: Name of the series in errors.
  ///   - validation: Validation series of the same channels, and their name in errors; nil for the ends
  ///     of `series`.
  ///   - start: Model of the same channels and of the settings' configuration and horizon, whose
  ///     weights, normalisation and linear map the run begins with; nil for new ones.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, series or directory.
  public init(
    _ configuration: TrainingConfiguration, series: [Series], file: String,
    validation: (series: [Series], file: String)? = nil, from start: ForecasterModel? = nil,
    in directory: RunDirectory
  ) throws {
    let settings = configuration.task.forecast
    try self.init(
      configuration, in: directory,
      data: ForecastData(
        series, settings, blockLength: configuration.blockLength, file: file,
        validation: validation, model: start)
    ) { data, generator in
      try data.expectParts(for: configuration)
      return try .beginning(with: start) {
        var network = try generator.drawing(configuration.initialisation) {
          try ForecasterNetwork(
            configuration.model, settings.network, normalisation: data.frame.normalisation,
            units: data.frame.units, using: &$0)
        }
        if let fit = data.fit { network.take(fit) }
        return ForecasterModel(network: network, channels: data.channels, columns: settings.columns)
      }
    }
  }

  /// Resumes the run on series in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - directory: Directory of the run.
  ///   - bytes: The training table, unchanged.
  ///   - file: Name of the table in errors.
  ///   - validation: The validation table, unchanged, and its name; nil for a run without one.
  ///   - format: Format of the tables.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  /// - Throws: Errors of checkpoint, settings or table.
  public init(
    resuming directory: RunDirectory, csv bytes: [UInt8], file: String,
    validation: (csv: [UInt8], file: String)? = nil, format: TableFormat = .init(),
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      func series(_ bytes: [UInt8], _ file: String) throws -> [Series] {
        try SeriesTable(csv: bytes, file: file, columns: model.columns, format: format).series
      }
      return try ForecastData(
        series(bytes, file), configuration.task.forecast, blockLength: configuration.blockLength,
        file: file, validation: validation.map { (try series($0.csv, $0.file), $0.file) },
        model: model)
    }
  }
}
