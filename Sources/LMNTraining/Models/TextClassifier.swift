import LMNModel

/// Classifier of texts, from a file that `lmn train --task classify` wrote.
///
///     let classes = try TextClassifier(contentsOf: "languages").classify("Zeitgeist")
///     print(classes[0].label, classes[0].probability)
public struct TextClassifier: Sendable {
  /// The model.
  public let model: ClassifierModel

  /// A classifier with the given model.
  public init(_ model: ClassifierModel) { self.model = model }

  /// Reads a model file, or a model of a run's directory.
  ///
  /// - Parameters:
  ///   - path: The file or directory.
  ///   - weights: Which model of a directory to read; nil for the best, or the last where there is
  ///     no best.
  /// - Throws: An error that names the file, for example for a model of another task.
  public init(contentsOf path: String, weights: Weights? = nil) throws {
    self.init(try ClassifierModel(contentsOf: path, weights: weights))
  }

  /// All classes with their probabilities, the likeliest first.
  ///
  /// - Parameter text: A text of any length, which may be empty.
  /// - Returns: A prediction per class; the probabilities sum to 1.
  /// - Throws: ``TokenizerError`` for a character outside the vocabulary, `ConfigurationError` when
  ///   there are too few learned positions.
  public func classify(_ text: String) throws -> [ClassifierModel.Prediction] {
    let tokens = try model.tokenizer.encode(Array(text.utf8))
    try model.network.configuration.expectPositions(forEach: [tokens])
    return model.predictions(of: tokens).sorted { $0.probability > $1.probability }
  }
}
