import LMNLayers
import LMNModel

extension Trainer where Data == Corpus {
  /// A run over a text at its beginning.
  ///
  /// - Parameters:
  ///   - configuration: The settings.
  ///   - text: Bytes; UTF-8 where tokens are characters.
  ///   - tokenizer: Divides the text into tokens.
  ///   - directory: Made if it is missing; must not hold a run.
  /// - Throws: What is wrong with settings, text or directory.
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

  /// The run over a text in `directory`, where it was last saved.
  ///
  /// - Parameters:
  ///   - directory: Holds a run.
  ///   - text: The text that it was begun with.
  ///   - change: May change settings that a run can go on with, such as the number of steps.
  /// - Throws: What is wrong with checkpoint, settings or text.
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
