import LMNKernels
public import LMNLayers
import LMNModel

/// How a run reads on through its text with carried state, instead of random windows.
///
/// The training text is divided into as many equal stretches as a batch has rows. A step reads the
/// next `flow` blocks of every row, after the state that the tokens before have left: gradients flow
/// through the flow − 1 boundaries inside and stop where the step begins (truncated back-propagation
/// through time, R. J. Williams and J. Peng, Neural Computation 2, 1990; a state that is carried on
/// without gradients is the recurrence of arXiv 1901.02860, section 3.2). The blocks of a step are one
/// part of the row's tree, which is the same function as one after the other.
///
/// At the end of its stretch a row begins again with a fresh state. What is too short for a step is
/// left out, in turn at the end and at the beginning of the stretch.
public struct Carry: Sendable, Codable, Equatable {
  /// k: through how many blocks gradients flow; with 1 they stop at every boundary.
  public var flow: Int

  /// A state that is carried on, with gradients through so many blocks.
  public init(flow: Int = 1) { self.flow = flow }
}

extension TrainingConfiguration {
  /// Tokens of a row that a step reads.
  var rowLength: Int { blockLength * (carry?.flow ?? 1) }
  /// Tokens that a step reads.
  public var tokensPerStep: Int { batchSize * rowLength }
}

extension Corpus {
  /// Tokens of each of so many equal stretches of the training text, all with one behind them.
  private func partLength(rows: Int) -> Int { (self[.training].count - 1) / rows }

  /// Throws when the training text is too short for what a step carries on.
  func expectParts(for configuration: TrainingConfiguration) throws(CorpusError) {
    let part = partLength(rows: configuration.batchSize)
    guard configuration.carry != nil, part < configuration.rowLength else { return }
    throw .shortParts(
      tokenCount: self[.training].count, rows: configuration.batchSize, part: part,
      rowLength: configuration.rowLength)
  }

  /// Fills a batch with the tokens behind those of the step before, where state is carried, and from
  /// random places otherwise.
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
