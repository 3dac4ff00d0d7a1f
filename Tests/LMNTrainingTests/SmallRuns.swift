import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

/// Text of the built-in grammar, long enough for small windows.
let smallText: [UInt8] = {
  var generator = SeededGenerator(seed: 1)
  return Array(Grammar.tales.text(characters: 3000, using: &generator).utf8)
}()

/// Tokenizer of the characters of ``smallText``.
let smallTokenizer = Tokenizer.characters(
  // The text is not empty and valid UTF-8.
  try! Vocabulary(of: smallText))

extension TrainingConfiguration {
  /// Settings over ``smallText`` with steps of about a millisecond.
  static func small(steps: Int) throws -> TrainingConfiguration {
    let vocabulary = try Vocabulary(of: smallText)
    var model = Configuration(vocabularySize: vocabulary.characters.count)
    (model.width, model.layers) = (8, 1)
    (model.logarithmic.heads, model.logarithmic.banks) = (2, 1)
    var configuration = TrainingConfiguration(model: model)
    configuration.steps = steps
    (configuration.blockLength, configuration.batchSize) = (16, 3)
    configuration.evaluationBatches = 1
    configuration.schedule = .constant(rate: 1e-2)
    return configuration
  }
}

extension LanguageModel {
  /// A small model with new parameters.
  static func small(
    _ tokenizer: Tokenizer, summarizer: SummarizerKind = .linear, seed: UInt64 = 1,
    configure: (inout Configuration) -> Void = { _ in }
  ) throws -> LanguageModel {
    var configuration = Configuration(vocabularySize: tokenizer.vocabularySize)
    (configuration.width, configuration.logarithmic.heads) = (8, 2)
    (configuration.layers, configuration.logarithmic.banks) = (2, 2)
    configuration.logarithmic.summarizer = summarizer
    configure(&configuration)
    var source = ParameterSource(seed: seed, initialisation: .normal)
    let network = try LanguageNetwork(configuration, using: &source)
    return LanguageModel(network: network, tokenizer: tokenizer)
  }
}

extension Tokenizer {
  /// Tokenizer of the characters of `text`.
  static func characters(of text: String) throws -> Tokenizer {
    .characters(try Vocabulary(of: Array(text.utf8)))
  }
}

// MARK: - Runs

/// A new run over ``smallText`` or another text.
func trainer(
  _ configuration: TrainingConfiguration, over text: [UInt8] = smallText, in directory: String
) throws -> Trainer<Corpus> {
  try Trainer(configuration, text: text, tokenizer: smallTokenizer, in: RunDirectory(directory))
}

/// Lines of a run's log.
func log(in directory: String) throws -> [TrainingRecord] {
  try AtomicFile.contents(of: directory + "/log.jsonl").split(separator: UInt8(ascii: "\n"))
    .map { try JSONDecoder().decode(TrainingRecord.self, from: Data($0)) }
}

/// Files of a run, without measured times and memory.
struct Remains: Equatable {
  let weights, best, training: [UInt8]
  let log: [TrainingRecord]
}

func remains(in directory: String) throws -> Remains {
  let run = RunDirectory(directory)
  return Remains(
    weights: try AtomicFile.contents(of: run.model), best: try AtomicFile.contents(of: run.best),
    training: try AtomicFile.contents(of: run.training),
    log: try log(in: directory).map { record in
      var record = record
      (record.tokensPerSecond, record.peakMemoryBytes, record.seconds) = (nil, nil, nil)
      return record
    })
}

/// Files of an uninterrupted run.
func remains(
  of configuration: TrainingConfiguration, over text: [UInt8] = smallText
) throws -> Remains {
  try withTemporaryDirectory { directory in
    var trainer = try trainer(configuration, over: text, in: directory)
    #expect(try trainer.run())
    return try remains(in: directory)
  }
}

/// Settings of twenty steps, with checkpoints, evaluations and log lines at different steps.
func interruptible() throws -> TrainingConfiguration {
  var configuration = try TrainingConfiguration.small(steps: 20)
  (configuration.saveEvery, configuration.evaluateEvery, configuration.logEvery) = (4, 6, 3)
  configuration.schedule = .warmUpThenCosine(
    peak: 0.02, warmUpSteps: 7, totalSteps: 20, minimumFraction: 0.1)
  return configuration
}
