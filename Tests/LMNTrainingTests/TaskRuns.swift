import Foundation
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

/// A table of words over four letters, labelled by `matches`; by default whether they contain "ab".
func patternTable(
  rows: Int, seed: UInt64 = 1, matches: (String) -> Bool = { $0.contains("ab") }
) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  let lines = (0..<rows).map { _ in
    let length = 4 + generator.integer(below: 9)
    let word = String((0..<length).map { _ in "abcd".randomElement(using: &generator)! })
    return "\(word),\(matches(word) ? "yes" : "no")\n"
  }
  return Array(("text,label\n" + lines.joined()).utf8)
}

/// A table of two channels of noisy sines at very different scales.
func sineTable(rows: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  let lines = (0..<rows).map { row in
    let noise = (Double(generator.normal()), Double(generator.normal()))
    let wave = sin(Double(row) / 4) + 0.5 * sin(Double(row) / 9)
    return "\(20 + 5 * (wave + 0.05 * noise.0)),\(1e6 - 100 * (wave + 0.05 * noise.1))\n"
  }
  return Array(("warm,large\n" + lines.joined()).utf8)
}

extension TrainingConfiguration {
  /// Settings with steps of a few milliseconds.
  static func small(_ task: TaskSettings, vocabularySize: Int, steps: Int) -> TrainingConfiguration
  {
    var model = Configuration(vocabularySize: vocabularySize)
    (model.width, model.layers) = (8, 1)
    (model.logarithmic.heads, model.logarithmic.banks) = (2, 1)
    var configuration = TrainingConfiguration(model: model)
    configuration.task = task
    configuration.steps = steps
    (configuration.blockLength, configuration.batchSize) = (12, 4)
    configuration.schedule = .constant(rate: 1e-2)
    configuration.initialisation = .normal
    return configuration
  }
}

/// A new run on a ``patternTable(rows:seed:matches:)``.
func classification(
  _ table: [UInt8] = patternTable(rows: 200), steps: Int, in directory: String,
  pooling: Pooling = .max,
  change: (inout TrainingConfiguration) -> Void = { _ in }
) throws -> Trainer<ClassificationData> {
  let texts = try LabelledTexts(
    csv: table, file: "t.csv", settings: ClassificationSettings())
  let tokenizer = Tokenizer.characters(try texts.vocabulary())
  var settings = ClassificationSettings()
  settings.pooling = pooling
  var configuration = TrainingConfiguration.small(
    .classify(settings), vocabularySize: tokenizer.vocabularySize, steps: steps)
  change(&configuration)
  return try Trainer(
    configuration, texts: texts, tokenizer: tokenizer, in: RunDirectory(directory))
}

/// A new run on ``sineTable(rows:seed:)``.
func forecast(
  rows: Int = 400, steps: Int, in directory: String, horizon: Int = 3,
  objective: PredictionError = .squared, lags: [Int] = [],
  change: (inout TrainingConfiguration) -> Void = { _ in }
) throws -> Trainer<ForecastData> {
  let series = try Series(csv: sineTable(rows: rows), file: "s.csv")
  var settings = ForecastSettings()
  (settings.horizon, settings.objective) = (horizon, objective)
  if let most = lags.last {
    (settings.lagWindows, settings.network.lags) = (lags, most)
    settings.network.normalisation = .last
  }
  var configuration = TrainingConfiguration.small(
    .forecast(settings), vocabularySize: 2, steps: steps)
  configuration.blockLength = 24
  // As in the command: the validation reads longer streams than training has.
  configuration.limitLevels(toStreamsOf: configuration.blockLength)
  change(&configuration)
  return try Trainer(configuration, series: [series], file: "s.csv", in: RunDirectory(directory))
}
