import LMNLayers
import LMNModel

extension Trainer where Data == Corpus {
  /// A new run on a text.
  ///
  /// - Parameters:
  ///   - configuration: The settings.
  ///   - text: Bytes; UTF-8 for character tokens.
  ///   - tokenizer: Tokenizer of the text.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, text or directory.
  public init(
    _ configuration: TrainingConfiguration, text: [UInt8], tokenizer: Tokenizer,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: Corpus(text: text, tokenizer: tokenizer, for: configuration)
    ) { _, generator in
      let network = try generator.drawing(configuration.initialisation) {
        try LanguageNetwork(configuration.model, using: &$0)
      }
      return LanguageModel(network: network, tokenizer: tokenizer)
    }
  }

  /// Resumes the run on a text in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - directory: Directory of the run.
  ///   - text: The training text, unchanged.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  /// - Throws: Errors of checkpoint, settings or text.
  public init(
    resuming directory: RunDirectory, text: [UInt8],
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try Corpus(text: text, tokenizer: model.tokenizer, for: configuration)
    }
  }
}

extension Corpus {
  /// A text that is long enough for a run.
  fileprivate init(
    text: [UInt8], tokenizer: Tokenizer, for configuration: TrainingConfiguration
  ) throws {
    try self.init(text: text, tokenizer: tokenizer, blockLength: configuration.blockLength)
    try expectParts(for: configuration)
  }
}
