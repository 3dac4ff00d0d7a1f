public import LMNLayers
import LMNModel

extension Trainer where Data: TextData {
  /// A new run on a text.
  ///
  /// - Parameters:
  ///   - data: Kind of the data, which determines that of the model.
  ///   - configuration: The settings.
  ///   - text: Bytes; UTF-8 for character tokens.
  ///   - validation: Validation text; nil for the end of `text`.
  ///   - tokenizer: Tokenizer of the text.
  ///   - start: Model whose weights the run begins with; nil for new ones. Its configuration is that
  ///     of the settings, but its vocabulary may be only the beginning of the tokenizer's.
  ///   - directory: Output directory, created if missing; must not hold a run.
  /// - Throws: Errors of settings, text or directory.
  public init(
    on data: Data.Type, _ configuration: TrainingConfiguration, text: [UInt8],
    validation: [UInt8]? = nil, tokenizer: Tokenizer, from start: Data.Model? = nil,
    in directory: RunDirectory
  ) throws {
    try self.init(
      configuration, in: directory,
      data: Data(text: text, validation: validation, tokenizer: tokenizer, for: configuration)
    ) { _, generator in
      try .beginning(with: start) {
        try Data.model(for: configuration, tokenizer: tokenizer, using: &generator)
      }
    }
  }

  /// Resumes the run on a text in `directory` from its checkpoint.
  ///
  /// - Parameters:
  ///   - data: Kind of the data, which determines that of the model.
  ///   - directory: Directory of the run.
  ///   - text: The training text, unchanged.
  ///   - validation: The validation text, unchanged; nil for a run without one.
  ///   - change: Changes settings that may change on a resume, such as the number of steps.
  /// - Throws: Errors of checkpoint, settings or text.
  public init(
    on data: Data.Type, resuming directory: RunDirectory, text: [UInt8],
    validation: [UInt8]? = nil,
    change: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws {
    try self.init(resuming: directory, change: change) { model, configuration in
      try Data(
        text: text, validation: validation, tokenizer: model.tokenizer, for: configuration)
    }
  }
}

extension Trainer where Data == Corpus {
  /// A new run of a network of blocks on a text.
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
      on: Corpus.self, configuration, text: text, tokenizer: tokenizer, in: directory)
  }

  /// Resumes the run of a network of blocks on a text in `directory` from its checkpoint.
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
    try self.init(on: Corpus.self, resuming: directory, text: text, change: change)
  }
}

extension Corpus {
  /// A text that is long enough for a run.
  ///
  /// - Throws: ``CorpusError`` or ``TokenizerError``.
  public init(
    text: [UInt8], validation: [UInt8]? = nil, tokenizer: Tokenizer,
    for configuration: TrainingConfiguration
  ) throws {
    let blockLength = configuration.blockLength
    if let validation {
      try self.init(
        text: text, validation: validation, tokenizer: tokenizer, blockLength: blockLength)
    } else {
      try self.init(text: text, tokenizer: tokenizer, blockLength: blockLength)
    }
    try expectParts(for: configuration)
  }

  /// A network of blocks with new parameters.
  public static func model(
    for configuration: TrainingConfiguration, tokenizer: Tokenizer,
    using generator: inout SeededGenerator
  ) throws -> LanguageModel {
    let network = try generator.drawing(configuration.initialisation) {
      try LanguageNetwork(configuration.model, using: &$0)
    }
    return LanguageModel(network: network, tokenizer: tokenizer)
  }
}
