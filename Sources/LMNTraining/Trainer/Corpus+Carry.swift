import LMNKernels
public import LMNLayers
import LMNModel

extension TrainingConfiguration {
  /// Tokens per row and step.
  var rowLength: Int { blockLength * (carry?.horizon ?? 1) }
  /// Tokens per step.
  public var tokensPerStep: Int { batchSize * rowLength }
}

/// Training with carried state: the training text is divided into equal parts, one per row of the
/// batch.
///
/// At the end of its part a row restarts with the initial state. Tokens that do not fill a step are
/// left out, alternately at the end and at the beginning of the part.
extension Corpus {
  /// Length of each of `rows` equal parts of the training text, each followed by at least one
  /// token.
  private func partLength(rows: Int) -> Int { (self[.training].count - 1) / rows }

  /// Throws when the parts are too short for a step.
  func expectParts(for configuration: TrainingConfiguration) throws(CorpusError) {
    let part = partLength(rows: configuration.batchSize)
    guard configuration.carry != nil, part < configuration.rowLength else { return }
    throw .shortParts(
      tokenCount: self[.training].count, rows: configuration.batchSize, part: part,
      rowLength: configuration.rowLength)
  }

  /// Places in the training text where the rows of a step with carried state begin, and whether
  /// streams begin there.
  func places(
    ofStep step: Int, for configuration: TrainingConfiguration
  ) -> (first: [Int], begin: Bool) {
    let length = configuration.rowLength
    let part = partLength(rows: configuration.batchSize)
    let (pass, stepOfPass) = step.quotientAndRemainder(dividingBy: part / length)
    let place = stepOfPass * length + (pass.isMultiple(of: 2) ? 0 : part % length)
    return ((0..<configuration.batchSize).map { $0 * part + place }, stepOfPass == 0)
  }

  /// Fills a batch with the tokens after those of the previous step, with carried state; otherwise
  /// from random places.
  public func fill(
    _ batch: Batch, forStep step: Int, of configuration: TrainingConfiguration,
    using generator: inout SeededGenerator
  ) {
    guard configuration.carry != nil else {
      return fill(batch.inputs, of: .training, using: &generator)
    }
    let (tokens, length) = (self[.training], configuration.rowLength)
    let places = places(ofStep: step, for: configuration)
    if places.begin { batch.states = batch.inputs.map { _ in nil } }
    for (window, first) in zip(batch.inputs, places.first) {
      window.overwrite(
        inputs: tokens[first..<first + length], targets: tokens[first + 1...first + length])
    }
  }
}
