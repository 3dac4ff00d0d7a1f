import LMNKernels
import LMNLayers
import LMNModel

extension Trainer where Data == ClassificationData {
  /// A new run on labelled texts.
  ///
  /// - Parameters:
  ///   - configuration: The settings, including those of a classification.
  ///   - texts: Texts with labels.
  ///   - validation: Texts for validation; nil for a tenth of `texts`.
  ///   - tokenizer: Tokenizer of the texts.
  ///   - start: Model whose weights and labels the run begins with; nil for new ones. Its
  ///     configuration is that of the settings, but its vocabulary may be only the beginning of the
  ///     tokenizer's.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, texts or directory.
  public init(
    _ configuration: TrainingConfiguration, texts: LabelledTexts,
    validation: LabelledTexts? = nil, tokenizer: Tokenizer, from start: ClassifierModel? = nil,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: ClassificationData(
        texts, tokenizer: tokenizer, labels: start?.labels, validation: validation,
        weighting: configuration.task.classification.classWeights, seed: configuration.seed)
    ) { data, generator in
      // Texts are truncated only in training, so all positions of the longest are needed.
      try configuration.model.trunk.expectPositions(for: data.longest)
      return try .beginning(with: start) {
        let network = try generator.drawing(configuration.initialisation) {
          try ClassifierNetwork(
            configuration.model, classes: data.labels.count,
            pooling: configuration.task.classification.pooling,
            nGrams: configuration.task.classification.nGrams, using: &$0)
        }
        return ClassifierModel(network: network, tokenizer: tokenizer, labels: data.labels)
      }
    }
  }

  /// Names of the classes without a row in a split, sorted.
  public func absentLabels(in split: Split) -> [String] { data.absentLabels(in: split) }

  /// Evaluates the best weights of the run on the validation part, per class.
  public func reportOfBest() throws -> ClassificationReport {
    try data.report(of: ClassifierModel(contentsOf: directory.best))
  }

  /// Resumes the run on labelled texts in `directory` from its checkpoint.
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
      let settings = configuration.task.classification
      return try ClassificationData(
        LabelledTexts(csv: bytes, file: file, settings: settings, format: format),
        tokenizer: model.tokenizer, labels: model.labels,
        validation: validation.map {
          try LabelledTexts(csv: $0.csv, file: $0.file, settings: settings, format: format)
        },
        weighting: settings.classWeights, seed: configuration.seed)
    }
  }
}
