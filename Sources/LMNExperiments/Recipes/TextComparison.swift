internal import LMNCharts
internal import LMNModel
internal import LMNTraining

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Networks that a recipe trains on a text, each with every seed, and their losses.
struct TextComparison {
  let text: RecipeFile
  let form: RecipeForm
  private let tokenizer: Tokenizer
  /// Names and settings of the trainings, without seeds.
  let trainings: [(name: String, configuration: TrainingConfiguration)]

  /// A comparison of trainings on the characters of a text.
  ///
  /// - Throws: Errors of the text.
  init(
    _ form: RecipeForm, on text: RecipeFile,
    _ trainings: [(name: String, configuration: TrainingConfiguration)]
  ) throws {
    self.form = form
    self.text = text
    tokenizer = .characters(try Vocabulary(of: text.bytes))
    self.trainings = trainings.map { name, configuration in
      var configuration = configuration
      // Every 100 steps, evaluations would take more time than the steps.
      configuration.evaluateEvery = max(configuration.evaluateEvery, 500)
      if form == .quick { configuration.shorten() }
      return (name, configuration)
    }
  }

  /// Whether the text has the length of Tiny Shakespeare, to which published losses belong.
  var isPublishedText: Bool { text.bytes.count == 1_115_394 }

  /// V: number of characters.
  var vocabularySize: Int { tokenizer.vocabularySize }

  /// A training with a seed.
  func training(_ configuration: TrainingConfiguration, seed: UInt64) -> TextTraining {
    var configuration = configuration
    configuration.seed = seed
    return TextTraining(configuration, on: text, by: tokenizer)
  }

  /// A cell per training and seed, which measures losses and speed.
  var cells: [Cell] { cells { _, _ in [] } }

  /// A cell per training and seed, which measures losses and speed.
  ///
  /// - Parameter measure: Measures more of a trained network.
  /// - Returns: The cells.
  func cells(
    _ measure: @escaping @Sendable (TextTraining, LanguageNetwork) throws -> [MeasuredValue]
  ) -> [Cell] {
    trainings.flatMap { name, configuration in
      form.seeds.map { seed in
        let training = training(configuration, seed: seed)
        return Cell([.init("network", name), .init("seed", seed)], training) { work in
          let network = try training.run(work)
          return try training.measurements(work)
            + (network.map { try measure(training, $0) } ?? [])
        }
      }
    }
  }

  /// Losses and step times of all networks.
  ///
  /// - Parameters:
  ///   - results: The results.
  ///   - losses: Further losses: the title of a column, and the quantity.
  ///   - published: A published validation loss of a network; nil for none.
  /// - Returns: A row per network.
  func table(
    _ results: Results, losses: [(title: String, quantity: String)] = [],
    published: (String) -> Double? = { _ in nil }
  ) -> ReportTable {
    let hasPublished = trainings.contains { published($0.name) != nil }
    return ReportTable(
      ["network", "parameters", "training loss", "validation loss", "lowest"]
        + losses.map(\.title) + (hasPublished ? ["published"] : []) + ["step"],
      trainings.map { name, _ in
        func summary(_ quantity: String) -> Summary? {
          results.summary(quantity, where: ["network": name])
        }
        func loss(_ quantity: String) -> String {
          summary(quantity)?.text { $0.decimals(4) } ?? "diverged"
        }
        return [
          name, summary("parameters").map { "\(Int($0.mean))" } ?? "–",
          loss("final training loss (nats)"), loss("final validation loss (nats)"),
          loss("lowest validation loss (nats)"),
        ] + losses.map { loss($0.quantity) }
          + (hasPublished ? [published(name)?.decimals(4) ?? ""] : [])
          + [summary("time of a step (s)")?.mean.duration ?? "–"]
      })
  }

  /// Validation losses of networks by step, over the seeds.
  func chart(_ title: String, of names: [String], _ results: Results) -> LineChart {
    LineChart(
      title, x: Axis("step"), y: Axis("validation loss", unit: "nats"),
      series: names.map { name in
        .init(
          name,
          results.curve("validation loss (nats)", along: "step", where: ["network": name]).map {
            .init($0.x, $0.summary.mean, spread: $0.summary.count > 1 ? $0.summary.range : nil)
          })
      })
  }

  /// Losses of the two trivial models on the validation part: all characters alike, and the
  /// characters' frequencies in the training part.
  func baselines() throws -> (uniform: Double, frequencies: Double) {
    let corpus = try Corpus(text: text.bytes, tokenizer: tokenizer, blockLength: 1)
    let size = tokenizer.vocabularySize
    // One is added to each count, so that no probability is 0.
    var counts = [Double](repeating: 1, count: size)
    for token in corpus[.training] { counts[Int(token)] += 1 }
    let total = counts.reduce(0, +)
    let sum = corpus[.validation].reduce(0) { $0 - log(counts[Int($1)] / total) }
    return (log(Double(size)), sum / Double(corpus[.validation].count))
  }

  /// A sentence with the losses of the trivial models.
  var baselineSentence: String {
    guard let baselines = try? baselines() else { return "" }
    return "Validation losses of the trivial models: \(baselines.uniform.decimals(4)) with all "
      + "characters alike, \(baselines.frequencies.decimals(4)) with the frequencies of the training "
      + "part."
  }
}

extension TrainingConfiguration {
  /// Makes a run short: a part of the steps, on smaller batches of shorter blocks.
  fileprivate mutating func shorten() {
    (steps, batchSize, blockLength) = (200, 8, 128)
    (evaluateEvery, evaluationBatches, saveEvery) = (50, 10, 200)
    if model.maximumLength != nil { model.maximumLength = blockLength }
  }
}
