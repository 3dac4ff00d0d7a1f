import LMNKernels
import LMNLayers
import LMNModel

extension Trainer where Data == ClassificationData {
  /// A run over texts and their classes at its beginning.
  ///
  /// - Parameters:
  ///   - configuration: The settings, those of a classification among them.
  ///   - texts: With labels.
  ///   - tokenizer: Divides the texts into tokens.
  ///   - directory: Made if it is missing; must not hold a run.
  /// - Throws: What is wrong with settings, texts or directory.
  public init(
    _ configuration: TrainingConfiguration, texts: LabelledTexts, tokenizer: Tokenizer,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: ClassificationData(texts, tokenizer: tokenizer, seed: configuration.seed)
    ) { data, generator in
      // Only training cuts texts off.
      try configuration.model.expectPositions(for: data.longest)
      let network = try generator.drawing(configuration.initialisation) {
        try ClassifierNetwork(
          configuration.model, classes: data.labels.count,
          pooling: configuration.task.classification.pooling, using: &$0)
      }
      return ClassifierModel(network: network, tokenizer: tokenizer, labels: data.labels)
    }
  }

  /// The run over texts and their classes in `directory`, where it was last saved.
  ///
  /// - Parameters:
  ///   - directory: Holds a run.
  ///   - bytes: The table that it was begun with.
  ///   - file: What errors call the table.
  ///   - change: May change settings that a run can go on with, such as the number of steps.
  /// - Throws: What is wrong with checkpoint, settings or table.
  public init(
    resuming directory: RunDirectory, csv bytes: [UInt8], file: String,
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try ClassificationData(
        LabelledTexts(csv: bytes, file: file, settings: configuration.task.classification),
        tokenizer: model.tokenizer, labels: model.labels, seed: configuration.seed)
    }
  }
}

extension Trainer where Data == ForecastData {
  /// A run over a series at its beginning.
  ///
  /// - Parameters:
  ///   - configuration: The settings, those of a forecast among them.
  ///   - series: In the channels' own units.
  ///   - file: What errors call the series.
  ///   - directory: Made if it is missing; must not hold a run.
  /// - Throws: What is wrong with settings, series or directory.
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

  /// The run over a series in `directory`, where it was last saved.
  ///
  /// - Parameters:
  ///   - directory: Holds a run.
  ///   - bytes: The table that it was begun with.
  ///   - file: What errors call the table.
  ///   - change: May change settings that a run can go on with, such as the number of steps.
  /// - Throws: What is wrong with checkpoint, settings or table.
  public init(
    resuming directory: RunDirectory, csv bytes: [UInt8], file: String,
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try ForecastData(
        Series(csv: bytes, file: file, channels: model.channels),
        horizon: model.network.horizon, blockLength: configuration.blockLength, file: file)
    }
  }
}
