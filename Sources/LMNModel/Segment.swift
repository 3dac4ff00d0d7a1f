internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories

/// Part of a run with carried state that is computed at once: consecutive tokens of a stream, from
/// the state before them to that after them.
public struct Segment: Sendable {
  /// Results to compute.
  enum Results: Int {
    /// The state after the segment.
    case state
    /// The loss and the state after the segment, with gradients.
    case loss
  }

  let stream: CarriedState
  /// Index in the run.
  let index: Int
  let results: Results
  /// Values at stable addresses; nil unless the segment is the input of a recording.
  private let recorded: Recorded?

  /// Values that a recording reads.
  private struct Recorded {
    /// Position of the first token, and whether it is that of all runs of the recording.
    let start: Int
    let positions: PositionBuffer
    let state: [Tensor]?
    /// Cotangent of the state after the segment; nil where states take no gradients.
    let cotangent: [Tensor]?
  }

  /// The first segment of a stream, for the loss.
  init(of stream: CarriedState) {
    self.init(stream: stream, index: 0, results: .loss)
  }

  private init(stream: CarriedState, index: Int, results: Results, recorded: Recorded? = nil) {
    self.stream = stream
    self.index = index
    self.results = results
    self.recorded = recorded
  }

  /// Segments in the order in which a run computes them.
  var all: [Segment] {
    let count = stream.segmentCount
    return (0..<count - 1).map { Segment(stream: stream, index: $0, results: .state) }
      + (0..<count).reversed().map { Segment(stream: stream, index: $0, results: .loss) }
  }

  /// Number of tokens.
  var length: Int { stream.segmentLength }
  /// Index of the first token in the run.
  var firstToken: Int { index * length }
  /// Position of the first token in the stream.
  private var start: Int { stream.start(of: index) }
  /// Whether the first token is at the beginning of a stream.
  var begins: Bool { (recorded?.start ?? start) == 0 }
  /// Whether gradients of states are given and taken.
  private var takesGradients: Bool { results == .loss && stream.segmentCount > 1 }

  /// Bytes of the carried state; 0 for the input of a recording, which has the values in its memory.
  var byteCount: Int { recorded == nil ? stream.structure.stateByteCount(at: start) : 0 }

  // MARK: - Recording

  /// Key of the recordings that can compute this segment.
  var layout: [Int] {
    let start = start
    return [results.rawValue, start == 0 ? 0 : 1]
      + stream.structure.layout(start: start, length: length)
  }

  /// A segment of the same layout with values at stable addresses, for a recording.
  func placeholder() -> Segment {
    let start = start
    func zeros(at position: Int) -> [Tensor] {
      stream.structure.stateShapes(at: position).flatMap { shapes in
        shapes.map { Tensor(overwritable: Tensor(shape: $0.shape, repeating: 0)) }
      }
    }
    return Segment(
      stream: stream, index: index, results: results,
      recorded: Recorded(
        start: start, positions: PositionBuffer(start..<start + length),
        state: start == 0 ? nil : zeros(at: start),
        cotangent: takesGradients ? zeros(at: start + length) : nil))
  }

  /// Copies the values of another segment of the same layout to the addresses of the recording.
  func overwrite(with other: Segment) {
    let recorded = recorded!
    let start = other.start
    recorded.positions.overwrite { Int64(start + $0) }
    if let state = recorded.state {
      overwrite(state, with: other.stream.state(before: other.index))
    }
    guard let cotangent = recorded.cotangent else { return }
    if let values = other.stream.cotangent(after: other.index) {
      overwrite(cotangent, with: values)
    } else {
      for index in 0..<cotangent.count {
        cotangent[index].overwrite { $0.update(repeating: 0, count: cotangent[index].count) }
      }
    }
  }

  private func overwrite(_ tensors: [Tensor], with values: [Tensor]) {
    for index in 0..<tensors.count { tensors[index].overwrite(withScalarsOf: values[index]) }
  }

  /// The state before the segment, as parameters where states take gradients; nil at the beginning
  /// of a stream.
  var state: Trunk.State? {
    let recorded = recorded!
    return recorded.state.map { tensors in
      stream.state(of: tensors, at: recorded.start) { [takesGradients] tensor in
        takesGradients ? Variable(parameter: tensor) : Variable(constant: tensor)
      }
    }
  }

  /// The pass over the tokens.
  func pass(dropping dropout: Dropout?) -> Pass {
    Pass(start: recorded!.start, positions: recorded!.positions, dropout: dropout)
  }

  /// Results of the segment, of which the loss is nil if it is not computed.
  func result(
    _ loss: Variable?, from before: Trunk.State, to after: Trunk.State
  ) -> RecordedResult {
    let (outputs, cotangent) = (after.variables, recorded!.cotangent)
    return RecordedResult(
      value: loss, outputs: outputs.indices.map { (outputs[$0], cotangent?[$0]) },
      inputs: takesGradients && recorded!.state != nil ? before.variables : [])
  }

  /// Receives the state after the segment, and the gradient with respect to that before it.
  func receive(_ state: [Tensor], gradients: [Tensor]) {
    if results == .state || index + 1 == stream.segmentCount { stream.store(state, after: index) }
    if index > 0 && !gradients.isEmpty { stream.store(cotangent: gradients) }
    if results == .loss && index == 0 { stream.finishRun() }
  }
}
