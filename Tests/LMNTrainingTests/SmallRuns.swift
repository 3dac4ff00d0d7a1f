import LMN

/// A text of the built-in grammar, long enough for small windows.
let smallText: [UInt8] = {
  var generator = SeededGenerator(seed: 1)
  return Array(Grammar.tales.text(characters: 3000, using: &generator).utf8)
}()

extension TrainingConfiguration {
  /// A run over ``smallText`` whose steps take a millisecond.
  static func small(steps: Int) throws -> TrainingConfiguration {
    let vocabulary = try Vocabulary(of: smallText)
    var model = Configuration(vocabularySize: vocabulary.characters.count)
    (model.width, model.heads, model.layers, model.banks) = (8, 2, 1, 1)
    var configuration = TrainingConfiguration(model: model)
    configuration.steps = steps
    (configuration.blockLength, configuration.batchSize) = (16, 3)
    configuration.evaluationBatches = 1
    configuration.schedule = .constant(rate: 1e-2)
    return configuration
  }
}

extension LanguageModel {
  /// A small model with fresh parameters.
  static func small(
    _ tokenizer: Tokenizer, summarizer: Summarizer.Kind = .linear, seed: UInt64 = 1
  ) throws -> LanguageModel {
    var configuration = Configuration(vocabularySize: tokenizer.vocabularySize)
    (configuration.width, configuration.heads) = (8, 2)
    (configuration.layers, configuration.banks) = (2, 2)
    configuration.summarizer = summarizer
    var generator = SeededGenerator(seed: seed)
    let network = try LogarithmicMemoryNetwork(
      configuration, initialisation: .normal, using: &generator)
    return LanguageModel(network: network, tokenizer: tokenizer)
  }
}

extension Tokenizer {
  /// A token per character of `text`.
  static func characters(of text: String) throws -> Tokenizer {
    .characters(try Vocabulary(of: Array(text.utf8)))
  }
}
