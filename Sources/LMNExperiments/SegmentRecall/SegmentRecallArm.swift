internal import LMNModel

/// A way to train on segments: what reaches from one segment to the next.
public enum SegmentRecallArm: String, Sendable, CaseIterable, Encodable {
  /// The state, and gradients through all segments, by memory replay.
  case memory
  /// The state, without gradients: horizon 1.
  case cut
  /// Nothing: every segment begins with the initial state.
  case without

  /// Carried state of the batches; nil for windows from the beginning of a stream.
  func carry(over segments: Int) -> Carry? {
    switch self {
    case .memory: Carry(horizon: segments, replay: true)
    case .cut: Carry()
    case .without: nil
    }
  }

  /// Tokens of the successive runs of a step; the last one, which has the answers, gives the
  /// gradient.
  func runs(over segments: Int, length: Int) -> [Range<Int>] {
    let single = (0..<segments).map { $0 * length..<($0 + 1) * length }
    return switch self {
    case .memory: [0..<segments * length]
    case .cut: single
    case .without: single.suffix(1)
    }
  }

  /// Tokens that are read in a test.
  func tested(segments: Int, length: Int) -> Range<Int> {
    (self == .without ? segments - 1 : 0) * length..<segments * length
  }
}

extension Example {
  /// A part of the example.
  subscript(tokens: Range<Int>) -> Example {
    Example(inputs: Array(inputs[tokens]), targets: Array(targets[tokens]))
  }
}
