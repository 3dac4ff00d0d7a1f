internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// Training of a classifier on a part of labelled texts, and its test on the rest.
struct ClassifyTraining: Encodable, Sendable {
  /// Labelled texts with a test part.
  struct Problem: Sendable {
    /// Name in tables.
    let name: String
    /// Rule of generated texts; nil for those of a file.
    let rule: String?
    /// Texts for training, a tenth of which validates.
    let training: LabelledTexts
    /// Texts for the test.
    let test: LabelledTexts
    /// Share of the test texts whose label is the likeliest by the rule; nil for texts of a file.
    let ruleAccuracy: Double?

    /// Divides texts: a fifth of every class, at random, is for the test.
    ///
    /// - Parameters:
    ///   - name: Name in tables.
    ///   - texts: Texts with labels.
    ///   - most: Most texts to take, at random.
    ///   - rule: Rule of generated texts, and the likeliest label of each text by it.
    /// - Throws: `ClassificationError`, or ``RecipeError`` where no class has five texts.
    init(
      _ name: String, _ texts: LabelledTexts, most: Int,
      rule: (description: String, likeliest: [String])? = nil
    ) throws {
      let labels = texts.labels ?? []
      var generator = SeededGenerator(seed: 1)
      let taken = generator.draw(min(most, labels.count), below: labels.count)
      let rows = Dictionary(grouping: taken) { labels[$0] }
      if rows.count < 2 {
        throw ClassificationError.oneClass(file: texts.file, label: rows.keys.first ?? "")
      }
      let tested = rows.mapValues { $0.prefix($0.count / 5) }
      let test = tested.values.flatMap { $0 }.sorted()
      if test.isEmpty { throw RecipeError.noTest(file: texts.file) }
      (self.name, self.rule) = (name, rule?.description)
      training = texts.selecting(Set(taken).subtracting(test).sorted())
      self.test = texts.selecting(test)
      ruleAccuracy = rule.map { rule in
        Double(test.count { rule.likeliest[$0] == labels[$0] }) / Double(test.count)
      }
    }

    /// Share of the commonest class in the test part.
    var majority: Double {
      let counts = (test.labels ?? []).reduce(into: [:]) { $0[$1, default: 0] += 1 }
      return Double(counts.values.max() ?? 0) / Double(test.texts.count)
    }

    /// Number of classes.
    var classes: Int { Set(training.labels ?? []).count }
  }

  /// Classifier to compare.
  struct Classifier: Sendable {
    /// Name in tables.
    let name: String
    let model: Configuration
    /// Pooling of the memory's vectors.
    var pooling = Pooling.mean
    /// Whether n-grams are beside the memory.
    var hasNGrams = false
    /// Highest learning rates to choose from.
    var learningRates: [Float] = [3e-3, 1e-2]

    /// A logistic regression of hashed n-grams; its network is small, because it has no part.
    static var nGrams: Classifier {
      let network = RecipeNetwork("n-grams", LogarithmicMemory.Settings.self) {
        ($0.heads, $0.banks) = (1, 1)
      }.with { ($0.width, $0.layers, $0.feedForward) = (4, 1, 1) }
      return Classifier(
        name: "n-grams alone", model: network.model, pooling: .zero, hasNGrams: true,
        learningRates: [3e-3, 1e-2, 3e-2])
    }

    /// The default of `lmn train`.
    static var usual: Classifier {
      Classifier(
        name: "logarithmic and n-grams",
        model: RecipeNetwork("logarithmic", LogarithmicMemory.Settings.self).model, hasNGrams: true)
    }
  }

  private let problem: Problem
  let configuration: TrainingConfiguration

  /// A training.
  ///
  /// - Parameters:
  ///   - problem: The texts.
  ///   - classifier: The classifier.
  ///   - epochs: Number of epochs.
  ///   - learningRate: Highest learning rate.
  ///   - seed: Random seed.
  /// - Throws: Errors of the texts.
  init(
    _ problem: Problem, _ classifier: Classifier, epochs: Int, learningRate: Float, seed: UInt64
  ) throws {
    self.problem = problem
    let lengths = try problem.training.lengths(by: .bytes)
    var size = TrainingSize(
      count: ClassificationData.trainingCount(of: lengths.count), longest: lengths.max())
    size.tokens = lengths.reduce(0, +)
    var configuration = TrainingConfiguration(model: classifier.model)
    configuration.model.vocabularySize = Tokenizer.bytes.vocabularySize
    configuration.task = .classify(.init())
    configuration.suit(textsOf: size)
    configuration.task.classification.pooling = classifier.pooling
    if !classifier.hasNGrams { configuration.task.classification.nGrams = nil }
    let stepsPerEpoch = configuration.stepsPerEpoch(over: size)
    configuration.steps = epochs * stepsPerEpoch
    (configuration.evaluateEvery, configuration.saveEvery) = (stepsPerEpoch, stepsPerEpoch)
    configuration.schedule = .warmUpThenCosine(
      peak: learningRate, warmUpSteps: min(100, configuration.steps),
      totalSteps: configuration.steps, minimumFraction: 0.1)
    configuration.limitLevels(toStreamsOf: configuration.streamLength(over: size))
    configuration.seed = seed
    self.configuration = configuration
  }

  func encode(to encoder: any Encoder) throws { try configuration.encode(to: encoder) }

  /// Trains, and tests the best weights.
  ///
  /// - Parameter work: Surroundings, whose directory holds the run until it is evaluated.
  /// - Returns: Scores; those of the majority class only if the training diverged.
  /// - Throws: ``RecipeInterruption``, or errors of texts and files.
  func measure(_ work: CellWork) throws -> [MeasuredValue] {
    let directory = RunDirectory(work.directory)
    let settings = configuration.task.classification
    func data(_ labels: [String]? = nil) throws -> ClassificationData {
      try ClassificationData(
        problem.training, tokenizer: .bytes, labels: labels, weighting: settings.classWeights,
        seed: configuration.seed)
    }
    let hasEnded = try work.train {
      try Trainer(configuration, texts: problem.training, tokenizer: .bytes, in: directory)
    } resume: {
      try Trainer<ClassificationData>(resuming: directory) { model, _ in try data(model.labels) }
    }
    defer { work.removeRun() }
    let share = problem.majority
    var values = [
      MeasuredValue("accuracy, majority", share),
      // Of the other classes the score is 0.
      MeasuredValue("macro F1, majority", 2 * share / (1 + share) / Double(problem.classes)),
      MeasuredValue("accuracy, rule", problem.ruleAccuracy),
    ]
    if hasEnded {
      let model = try ClassifierModel(contentsOf: directory.path)
      let report = try ClassificationReport(
        of: model, over: problem.test.tokens(by: .bytes),
        classes: problem.test.classes(among: model.labels))
      values += [
        MeasuredValue("accuracy", report.evaluation.accuracy),
        MeasuredValue("macro F1", report.evaluation.macroF1),
        MeasuredValue(
          "validation loss (nats)",
          try data(model.labels).validation(of: model, for: configuration)?.loss),
      ]
    }
    return values.compactMap(\.self)
  }
}
