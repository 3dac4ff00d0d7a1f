public import ArgumentParser
import LMN
public import LMNExperiments

/// The flags that say how networks are trained on a task.
struct SweepOptions: ParsableArguments {
  @Option(help: "Examples to train on, of each size.")
  var examples = 10_000
  @Option(help: "Times that each is seen. (default: recall: 32, needle: 10)")
  var epochs: Int?
  @Option(help: "Examples of a step.")
  var batchSize = 64
  @Option(help: "Highest learning rates, with commas: a run for each.")
  var learningRate: List<Float> = [1e-3, 3e-3, 1e-2]
  @Option(help: "Learning-rate schedule.")
  var schedule = SweepSettings.Schedule.cosine
  @Option(help: "Weight decay (AdamW, decoupled), per step and unit of learning rate.")
  var weightDecay: Float = 0.01
  @Option(help: "Gradient clipping: largest global L2 norm; 0 turns it off.")
  var clip: Float = 1
  @Option(help: "Initialisation of the summarizers.")
  var initialisation = Initialisation.reference
  @Option(help: "Random seed.")
  var seed: UInt64 = 1
  @Option(help: "Validations of a run.")
  var evaluations = 20
  @Option(help: "A file that the learning curves are appended to, a JSON object per line.")
  var curves: String?

  /// The settings, for networks that the flags of a model make.
  ///
  /// - Parameters:
  ///   - model: The flags.
  ///   - epochs: How often examples are seen unless a flag says so.
  ///   - testExamples: What a score is measured by.
  /// - Returns: The settings, but for the vocabulary.
  func settings(model: ModelOptions, epochs: Int, testExamples: Int) throws -> SweepSettings {
    // The task knows how many tokens there are.
    var configuration = Configuration(vocabularySize: 1)
    for setting in try model.settings() { setting.apply(&configuration) }
    try model.expectFlags(of: configuration)
    var settings = SweepSettings(model: configuration)
    settings.examples = examples
    settings.batchSize = batchSize
    settings.learningRates = learningRate.elements
    settings.schedule = schedule
    settings.optimizer.weightDecay = weightDecay
    settings.gradientClipping = clip == 0 ? nil : clip
    settings.initialisation = initialisation
    settings.seed = seed
    settings.evaluations = evaluations
    settings.epochs = self.epochs ?? epochs
    settings.testExamples = testExamples
    return settings
  }
}

/// Values with commas between them.
struct List<Element: ExpressibleByArgument>: ExpressibleByArgument, ExpressibleByArrayLiteral {
  let elements: [Element]

  init(arrayLiteral elements: Element...) { self.elements = elements }

  init?(argument: String) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false)
    elements = words.compactMap { Element(argument: String($0)) }
    if elements.count != words.count { return nil }
  }

  var defaultValueDescription: String {
    elements.map(\.defaultValueDescription).joined(separator: ",")
  }
}

extension AssociativeRecall.Size: ExpressibleByArgument {
  /// Tokens and pairs, as in `64/4`.
  public init?(argument: String) {
    let words = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, let length = Int(words[0]), let pairs = Int(words[1]) else {
      return nil
    }
    self.init(length: length, pairs: pairs)
  }

  /// As it is written on the command line.
  public var defaultValueDescription: String { "\(length)/\(pairs)" }
}

extension SweepSettings.Schedule: ExpressibleByArgument {}
