public import LMNLayers

/// A text for the training of one kind of model.
public protocol TextData: TrainingData where Model: TextModel {
  /// A text that is long enough for a run.
  ///
  /// - Parameters:
  ///   - text: Training text.
  ///   - validation: Validation text; nil for the end of the training text.
  ///   - tokenizer: Tokenizer of both.
  ///   - configuration: Settings of the run.
  /// - Throws: ``CorpusError`` or ``TokenizerError``.
  init(
    text: [UInt8], validation: [UInt8]?, tokenizer: Tokenizer,
    for configuration: TrainingConfiguration
  ) throws

  /// A model with new parameters.
  static func model(
    for configuration: TrainingConfiguration, tokenizer: Tokenizer,
    using generator: inout SeededGenerator
  ) throws -> Model
}
