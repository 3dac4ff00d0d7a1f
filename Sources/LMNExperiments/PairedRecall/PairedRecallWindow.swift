import LMNKernels
import LMNLayers
import LMNModel

/// An example of paired recall: input of one batch item in training.
struct PairedRecallWindow: TrainingInput {
  let tokens: PairedRecallNetwork.Tokens
  let targets: TokenBuffer
  let draw = DropoutDraw()

  /// Allocates a window of `length` tokens.
  init(length: Int) {
    tokens = PairedRecallNetwork.Tokens(count: length)
    targets = TokenBuffer(repeatElement(0, count: length))
  }

  var length: Int { tokens.length }

  /// Always nil: examples are read from their beginning.
  var segment: Segment? { nil }

  /// Replaces the example by one of the same length.
  func overwrite(with example: PairedRecall.Example) {
    precondition(
      example.keys.count == length,
      "PairedRecallWindow: \(example.keys.count) tokens in a window of \(length)")
    tokens.keys.overwrite { example.keys[$0] }
    tokens.values.overwrite { example.values[$0] }
    targets.overwrite { example.targets[$0] }
  }

  func placeholder() -> PairedRecallWindow { PairedRecallWindow(length: length) }

  func overwrite(with other: PairedRecallWindow) {
    tokens.keys.overwrite(with: other.tokens.keys)
    tokens.values.overwrite(with: other.tokens.values)
    targets.overwrite(with: other.targets)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == PairedRecallNetwork, Input == PairedRecallWindow {
  /// Records a network's mean loss over a batch of examples.
  ///
  /// - Parameters:
  ///   - network: The network; its parameters are copied.
  ///   - count: Examples of the batch, at least 1.
  ///   - pairs: Pairs of each.
  convenience init(ofLossAt network: PairedRecallNetwork, examples count: Int, pairs: Int) {
    self.init(
      .valueAndGradient, at: network, overBatchOf: count, in: .current,
      inputs: { _ in PairedRecallWindow(length: 2 * pairs) },
      loss: { $0.loss(of: $1, after: &$2, &$3) })
  }
}
