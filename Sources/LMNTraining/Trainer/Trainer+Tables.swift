import LMNKernels
import LMNLayers
import LMNModel

extension Trainer where Data == ClassificationData {
  /// A new run on labelled texts.
  ///
  /// - Parameters:
  ///   - configuration: The settings, including those of a classification.
  ///   - texts: Texts with labels.
  ///   - tokenizer: Tokenizer of the texts.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, texts or directory.
  public init(
    _ configuration: TrainingConfiguration, texts: LabelledTexts, tokenizer: Tokenizer,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: ClassificationData(texts, tokenizer: tokenizer, seed: configuration.seed)
    ) { data, generator in
      // Texts are truncated only in training, so all positions of the longest are needed.
      try configuration.model.trunk.expectPositions(for: data.longest)
      let network = try generator.drawing(configuration.initialisation) {
        try ClassifierNetwork(
          configuration.model, classes: data.labels.count,
          pooling: configuration.task.classification.pooling, using: &$0)
      }
      return ClassifierModel(network: network, tokenizer: tokenizer, labels: data.labels)
    }
  }

  /// Names of the classes without a row in a split, sorted.
  public func absentLabels(in split: Split) -> [String] { data.absentLabels(in: split) }

  /// Resumes the run on labelled texts in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - directory: Directory of the run.
  ///   - bytes: The training table, unchanged.
  ///   - file: Name of the table in errors.
  ///   - encoding: Encoding of the table.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  /// - Throws: Errors of checkpoint, settings or table.
  public init(
    resuming directory: RunDirectory, csv bytes: [UInt8], file: String,
    encoding: TableEncoding = .utf8,
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try ClassificationData(
        LabelledTexts(
          csv: bytes, file: file, settings: configuration.task.classification, encoding: encoding),
        tokenizer: model.tokenizer, labels: model.labels, seed: configuration.seed)
    }
  }
}

extension Trainer where Data == ForecastData {
  /// A new run on a series.
  ///
  /// - Parameters:
  ///   - configuration: The settings, including those of a forecast.
  ///   - series: The series in the channels' own units.
  ///   - file: Name of the series in errors.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, series or directory.
  public init(
    _ configuration: TrainingConfiguration, series: Series, file: String,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: ForecastData(
        series, horizon: configuration.task.forecast.horizon,
        blockLength: configuration.blockLength, file: file)
    ) { data, generator in
      let network = try generator.drawing(configuration.initialisation) {
        try ForecasterNetwork(
          configuration.model, horizon: configuration.task.forecast.horizon,
          normalisation: data.normalisation, using: &$0)
      }
      return ForecasterModel(network: network, channels: data.channels)
    }
  }

  /// Resumes the run on a series in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - directory: Directory of the run.
  ///   - bytes: The training table, unchanged.
  ///   - file: Name of the table in errors.
  ///   - encoding: Encoding of the table.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  /// - Throws: Errors of checkpoint, settings or table.
  public init(
    resuming directory: RunDirectory, csv bytes: [UInt8], file: String,
    encoding: TableEncoding = .utf8,
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try ForecastData(
        Series(csv: bytes, file: file, channels: model.channels, encoding: encoding),
        horizon: model.network.horizon, blockLength: configuration.blockLength, file: file)
    }
  }
}
