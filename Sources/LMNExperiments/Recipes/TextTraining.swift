internal import FoundationEssentials
internal import LMNKernels
internal import LMNLayers
internal import LMNModel
internal import LMNTraining

/// Training of a network on a recipe's text, which an interrupted cell continues.
struct TextTraining: Encodable {
  /// Settings; the vocabulary is that of the text.
  let configuration: TrainingConfiguration
  private let text: RecipeFile
  private let tokenizer: Tokenizer

  /// A training on the characters of a text.
  init(_ configuration: TrainingConfiguration, on text: RecipeFile, by tokenizer: Tokenizer) {
    var configuration = configuration
    configuration.model.vocabularySize = tokenizer.vocabularySize
    self.configuration = configuration
    self.text = text
    self.tokenizer = tokenizer
  }

  func encode(to encoder: any Encoder) throws { try configuration.encode(to: encoder) }

  /// Tokens of a part of the text.
  ///
  /// - Throws: Errors of the text.
  func tokens(of split: Split) throws -> [Token] {
    Array(try Corpus(text: text.bytes, tokenizer: tokenizer, blockLength: 1)[split])
  }

  /// Number of parameters.
  var parameterCount: Int {
    get throws {
      try ParameterSource.count { try LanguageNetwork(configuration.model, using: &$0) } ?? 0
    }
  }

  /// Trains to the end.
  ///
  /// - Parameter work: Surroundings, whose directory holds the run.
  /// - Returns: The network of the last step; nil if the training diverged.
  /// - Throws: ``RecipeInterruption``, or errors of text and files.
  func run(_ work: CellWork) throws -> LanguageNetwork? {
    let directory = RunDirectory(work.directory)
    let hasEnded = try work.train {
      try Trainer(configuration, text: text.bytes, tokenizer: tokenizer, in: directory)
    } resume: {
      try Trainer<Corpus>(resuming: directory, text: text.bytes)
    }
    guard hasEnded else { return nil }
    return try LanguageModel(contentsOf: directory.path, weights: .last).network
  }

  /// Loss of a trained network over the whole validation part, in nats per token.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - length: Length of the blocks, each of which is read from the initial state.
  /// - Returns: The loss; nil for a part of one token.
  /// - Throws: Errors of the text; `ConfigurationError` for too few learned positions.
  func validationLoss(of network: LanguageNetwork, inBlocksOf length: Int) throws -> Double? {
    var evaluator = Evaluator(
      LanguageModel(network: network, tokenizer: tokenizer), .blocks(length: length))
    try evaluator.read(tokens(of: .validation))
    return evaluator.finish()?.loss
  }

  /// Losses of a finished run by step, and the time of its steps, from its log.
  func measurements(_ work: CellWork) throws -> [MeasuredValue] {
    let log = try AtomicFile.contents(of: RunDirectory(work.directory).log)
    let records = try log.split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(TrainingRecord.self, from: Data($0))
    }
    let evaluated = records.filter { $0.validationLoss != nil }
    let curves = evaluated.flatMap { record in
      let at = ["step": Double(record.step)]
      return [
        MeasuredValue("training loss (nats)", at: at, record.loss),
        MeasuredValue("validation loss (nats)", at: at, record.validationLoss),
      ]
    }
    let last = evaluated.last
    let speeds = records.compactMap(\.tokensPerSecond).sorted()
    let stepTime =
      speeds.isEmpty ? nil : Double(configuration.tokensPerStep) / speeds[speeds.count / 2]
    return
      (curves + [
        MeasuredValue("final training loss (nats)", last?.loss),
        MeasuredValue("final validation loss (nats)", last?.validationLoss),
        MeasuredValue(
          "lowest validation loss (nats)", evaluated.compactMap(\.validationLoss).min()),
        MeasuredValue("time of a step (s)", stepTime),
        MeasuredValue("duration (s)", records.last?.seconds),
        MeasuredValue("parameters", Double(try parameterCount)),
      ]).compactMap(\.self)
  }
}
