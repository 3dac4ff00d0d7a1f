internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers
public import LMNMemories

/// Carried state of a batch item: each run starts from the state at the end of the run before.
///
/// By default gradients stop at the start of a run: truncated back-propagation through time (R. J.
/// Williams and J. Peng, Neural Computation 2, 1990). Where states take gradients, a run also gives
/// the gradient with respect to its initial state, given the cotangent of its final state; so
/// gradients can be carried back run by run.
///
/// `@unchecked Sendable`: only the owner changes it between runs, and the thread of its item during
/// one.
public final class CarriedState: @unchecked Sendable {
  /// Initial state of the next run, without gradients; nil for the beginning of a stream.
  ///
  /// The next run also starts at the beginning where learned positions do not suffice for it.
  public var state: Trunk.State?
  /// Cotangent of the final state of the next run, per block a tensor for each part; nil for zero.
  public var cotangent: [MemoryState]?
  /// Gradient of the last run with respect to its initial state; nil where states take no
  /// gradients, or where the run started at the beginning of a stream.
  public private(set) var gradient: [MemoryState]?

  /// The blocks, for shapes and layouts; their parameters have no values.
  private let trunk: Trunk
  private let length: Int
  /// Limit of tokens per stream.
  private let room: Int
  /// Whether runs give and take gradients of states.
  private let takesGradients: Bool
  /// Positions of the next run's tokens.
  private let positions: PositionBuffer

  /// Carried state at the beginning of a stream.
  ///
  /// - Parameters:
  ///   - settings: Settings of the trunk, which are valid.
  ///   - length: Tokens of a run.
  ///   - takesGradients: Whether runs give and take gradients of states.
  public init(of settings: Trunk.Settings, length: Int, takesGradients: Bool = false) {
    var source = ParameterSource.describing
    trunk = Trunk(settings, using: &source)
    self.length = length
    self.takesGradients = takesGradients
    room = settings.maximumLength ?? .max
    positions = PositionBuffer(0..<length)
  }

  private init(copying other: CarriedState) {
    trunk = other.trunk
    length = other.length
    room = other.room
    takesGradients = other.takesGradients
    positions = PositionBuffer(other.start..<other.start + length)
    state = other.before.map { $0.mapTensors(Tensor.init(overwritable:)) }
    if takesGradients {
      cotangent = zip(trunk.initialState.blocks, trunk.stateShapes(at: start + length)).map {
        block, shapes in
        block.withTensors(
          shapes.map { Tensor(overwritable: Tensor(shape: $0.shape, repeating: 0)) })
      }
    }
  }

  /// Initial state of the next run; nil at the beginning of a stream.
  private var before: Trunk.State? {
    state.flatMap { $0.position <= room - length ? $0 : nil }
  }

  /// Position of the next run's first token.
  private var start: Int { before?.position ?? 0 }

  // MARK: - Recording

  /// Key of the recordings that can continue from this state.
  var layout: [Int] { [before == nil ? 0 : 1] + trunk.layout(start: start, length: length) }

  /// A copy at stable addresses, for a recording.
  func placeholder() -> CarriedState { CarriedState(copying: self) }

  /// Copies the values of another state of the same layout, in place.
  func overwrite(with other: CarriedState) {
    let start = other.start
    positions.overwrite { Int64(start + $0) }
    if let state, let others = other.before {
      for (block, other) in zip(state.blocks, others.blocks) { block.overwrite(with: other) }
    }
    guard let cotangent else { return }
    if let others = other.cotangent {
      for (block, other) in zip(cotangent, others) { block.overwrite(with: other) }
    } else {
      for part in cotangent.flatMap(\.parts) {
        let value = part.value.value
        value.overwrite { $0.update(repeating: 0, count: value.count) }
      }
    }
  }

  /// Initial state of a run, as parameters where states take gradients, and the pass over its
  /// tokens.
  func begin(in trunk: Trunk, dropping draw: DropoutDraw?) -> (Trunk.State, Pass) {
    let state = before.map { state in
      takesGradients ? state.mapVariables { Variable(parameter: $0.value) } : state
    }
    let pass = Pass(start: start, positions: positions, dropout: trunk.dropout(draw))
    return (state ?? trunk.initialState, pass)
  }

  /// The further results of a run between two states.
  func result(
    value: Variable, from before: Trunk.State, to after: Trunk.State
  ) -> RecordedResult {
    let outputs = after.variables
    let cotangents = cotangent.map { $0.flatMap { $0.parts.map(\.value.value) } }
    return RecordedResult(
      value: value,
      outputs: outputs.indices.map { (outputs[$0], cotangents?[$0]) },
      inputs: takesGradients && self.before != nil ? before.variables : [])
  }

  /// Receives the final state of a run, and the gradient with respect to its initial state.
  ///
  /// A final state with values that are not finite resets the stream to its beginning.
  func receive(_ outputs: [Tensor], gradients: [Tensor]) {
    if takesGradients { gradient = before.map { $0.withTensors(gradients).blocks } }
    let next = trunk.initialState.withTensors(outputs)
    state = next.isFinite ? Trunk.State(position: start + length, blocks: next.blocks) : nil
  }
}

extension MemoryState {
  /// The parts with other tensors, in order.
  fileprivate func withTensors(_ tensors: [Tensor]) -> MemoryState {
    var rest = tensors.makeIterator()
    return mapValues { _ in Variable(constant: rest.next()!) }
  }

  /// Copies another state's values in place.
  fileprivate func overwrite(with other: MemoryState) {
    for (part, other) in zip(parts, other.parts) {
      part.value.value.overwrite(withScalarsOf: other.value.value)
    }
  }
}

extension Trunk.State {
  fileprivate var variables: [Variable] { blocks.flatMap { $0.parts.map(\.value) } }

  fileprivate func mapVariables(_ transform: (Variable) -> Variable) -> Trunk.State {
    Trunk.State(position: position, blocks: blocks.map { $0.mapValues(transform) })
  }

  fileprivate func mapTensors(_ transform: (Tensor) -> Tensor) -> Trunk.State {
    mapVariables { Variable(constant: transform($0.value)) }
  }

  /// The parts with other tensors, block by block.
  fileprivate func withTensors(_ tensors: [Tensor]) -> Trunk.State {
    var rest = tensors.makeIterator()
    return mapTensors { _ in rest.next()! }
  }
}
