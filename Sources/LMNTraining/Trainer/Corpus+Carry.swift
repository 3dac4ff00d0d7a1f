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
    let part = partLength(rows: configuration.batchSize)
    let (pass, stepOfPass) = step.quotientAndRemainder(dividingBy: part / length)
    if stepOfPass == 0 { batch.states = batch.inputs.map { _ in nil } }
    let place = stepOfPass * length + (pass.isMultiple(of: 2) ? 0 : part % length)
    for (row, window) in batch.inputs.enumerated() {
      let start = row * part + place
      window.overwrite(
        inputs: tokens[start..<start + length], targets: tokens[start + 1...start + length])
    }
  }
}
