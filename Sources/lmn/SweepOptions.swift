public import ArgumentParser
import LMN
public import LMNExperiments

/// Flags of a sweep over learning rates.
struct SweepOptions: ParsableArguments {
  @Option(help: "Training examples per size.")
  var examples = 10_000
  @Option(help: "Epochs: passes over the examples. (default: recall: 32, needle: 10)")
  var epochs: Int?
  @Option(help: "Examples per step.")
  var batchSize = 64
  @Option(help: "Peak learning rates, separated by commas; one run each.")
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
  @Option(help: "Validations per run.")
  var evaluations = 20
  @Option(help: "File that the learning curves are appended to, a JSON object per line.")
  var curves: String?

  /// Throws if the file of the learning curves has other content or is one of `inputs`.
  func expectCurves(reading inputs: [String]) throws(OutputError) {
    guard let curves else { return }
    let output = OutputFile(curves, kind: "file of learning curves")
    try output.expectNone(of: inputs.map(\.inputPath))
    try output.expectReplaceable { path in
      guard let lines = try? AtomicFile.contents(of: path) else { return false }
      let first = String(decoding: lines.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      return lines.isEmpty || first.hasPrefix("{") && first.contains("\"settings\"")
    }
  }

  /// The settings of a sweep over networks with the given flags.
  ///
  /// - Parameters:
  ///   - model: The network's flags.
  ///   - epochs: Default of `--epochs`.
  ///   - testExamples: Test examples per score.
  /// - Returns: The settings, with a vocabulary of 1 that the task replaces.
  /// - Throws: Errors of the configuration file.
  func settings(model: ModelOptions, epochs: Int, testExamples: Int) throws -> SweepSettings {
    // The task replaces the vocabulary size.
    var settings = SweepSettings(
      model: try model.configuration(from: Configuration(vocabularySize: 1)))
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

/// A list of values separated by commas.
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
  /// Parses tokens and pairs, as in `64/4`.
  public init?(argument: String) {
    let words = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, let length = Int(words[0]), let pairs = Int(words[1]) else {
      return nil
    }
    self.init(length: length, pairs: pairs)
  }

  /// The size in the form of the command line.
  public var defaultValueDescription: String { "\(length)/\(pairs)" }
}

extension SweepSettings.Schedule: ExpressibleByArgument {}
