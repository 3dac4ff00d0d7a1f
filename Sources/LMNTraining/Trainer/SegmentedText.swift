public import LMNLayers
public import LMNModel

/// A text for the training of a Memformer, which reads it segment by segment.
///
/// The beginning is the training part, the end the validation part, as in a ``Corpus``.
public struct SegmentedText: TextData {
  /// Trained model.
  public typealias Model = MemformerModel
  /// Input of one batch item.
  public typealias Input = MemformerWindow

  private let corpus: Corpus

  /// A text that is long enough for a run.
  ///
  /// - Throws: ``CorpusError`` or ``TokenizerError``.
  public init(
    text: [UInt8], validation: [UInt8]? = nil, tokenizer: Tokenizer,
    for configuration: TrainingConfiguration
  ) throws {
    corpus = try Corpus(
      text: text, validation: validation, tokenizer: tokenizer, for: configuration)
  }

  /// A Memformer with new parameters.
  ///
  /// - Precondition: The settings are those of a Memformer.
  public static func model(
    for configuration: TrainingConfiguration, tokenizer: Tokenizer,
    using generator: inout SeededGenerator
  ) throws -> MemformerModel {
    let network = try generator.drawing(configuration.initialisation) {
      try Memformer(configuration.memformer!, using: &$0)
    }
    return MemformerModel(network: network, tokenizer: tokenizer)
  }

  /// Checksum of the tokens.
  public var fingerprint: String { corpus.fingerprint }

  /// Records a model's mean loss over a batch of windows; for training with `carry` the windows
  /// have carried state.
  public func batch(
    _ result: Batch.Result, at network: Memformer, for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, ofLossAt: network, windows: configuration.batchSize,
      length: configuration.blockLength,
      carrying: result == .valueAndGradient ? configuration.carry : nil,
      recomputing: configuration.recompute)
  }

  /// Fills windows from random places, uniformly and independently.
  public func fill(
    _ windows: [MemformerWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    for window in windows {
      window.overwrite(
        tokens: corpus.window(of: split, length: window.length, using: &generator).targets)
    }
  }

  /// Fills a batch with the tokens after those of the previous step, with carried state; otherwise
  /// from random places.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    guard configuration.carry != nil, let segment = configuration.memformer?.segment else {
      return fill(batch.inputs, of: .training, using: &generator)
    }
    let (tokens, length) = (corpus[.training], configuration.rowLength)
    let places = corpus.places(ofStep: step, for: configuration)
    if places.begin { batch.states = batch.inputs.map { _ in nil } }
    for (window, first) in zip(batch.inputs, places.first) {
      window.overwrite(
        tokens: tokens[first..<first + length],
        before: places.begin ? [] : tokens[first - segment..<first])
    }
  }

  /// Nil: the validation loss is the mean loss of random batches.
  public func validation(
    of model: MemformerModel, for configuration: TrainingConfiguration
  ) -> Validation? { nil }
}
