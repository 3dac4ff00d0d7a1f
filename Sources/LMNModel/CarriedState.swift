internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers
public import LMNMemories

/// State that a batch item reads on from, run by run: every run starts from the state that the run
/// before has left.
///
/// By default gradients stop where a run begins: truncated back-propagation through time (R. J.
/// Williams and J. Peng, Neural Computation 2, 1990). Where states take gradients, a run also gives
/// the gradient with respect to the state that it started from, given the cotangent of the state that
/// it leaves; so gradients can be carried back run by run.
///
/// Unchecked because its owner alone changes it between runs, and the thread of its item during one.
public final class CarriedState: @unchecked Sendable {
  /// The state that the next run starts from, without gradients; nil for a beginning. Where learned
  /// positions would not reach for another run, it begins anew, too.
  public var state: Trunk.State? {
    didSet {
      let start = start
      positions.overwrite { Int64(start + $0) }
    }
  }
  /// Cotangent of the state that the next run will leave, per block a tensor for each of its parts;
  /// nil for zero.
  public var cotangent: [MemoryState]?
  /// Gradient of the last run with respect to the state it started from; nil where states take no
  /// gradients, or where it started at a beginning.
  public private(set) var gradient: [MemoryState]?

  /// The blocks, for shapes and layouts; their parameters have no values.
  private let trunk: Trunk
  private let length: Int
  /// Tokens that a stream can have.
  private let room: Int
  /// Whether runs give and take gradients of states.
  private let takesGradients: Bool
  /// Positions of the next run's tokens.
  private let positions: PositionBuffer

  /// A beginning, of streams of which a run reads `length` tokens.
  ///
  /// - Parameters:
  ///   - configuration: The network's, which is valid.
  ///   - length: Tokens of a run.
  ///   - takesGradients: Whether runs give and take gradients of states.
  public init(of configuration: Configuration, length: Int, takesGradients: Bool = false) {
    var source = ParameterSource.describing
    trunk = Trunk(configuration, using: &source)
    self.length = length
    self.takesGradients = takesGradients
    room = configuration.maximumLength ?? .max
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
        block.withTensors(shapes.map { Tensor(overwritable: Tensor(shape: $0.shape, repeating: 0)) })
      }
    }
  }

  /// The state, unless the next run begins anew.
  private var before: Trunk.State? {
    state.flatMap { $0.position <= room - length ? $0 : nil }
  }

  /// Position of the next run's first token.
  private var start: Int { before?.position ?? 0 }

  // MARK: - Recording

  /// Tells which recordings can read on from this state.
  var layout: [Int] { [before == nil ? 0 : 1] + trunk.layout(start: start, length: length) }

  /// The same at stable addresses, for a recording.
  func placeholder() -> CarriedState { CarriedState(copying: self) }

  /// Takes over the values of another state of the same layout, where they are.
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

  /// The state before a run, as parameters where states take gradients, and the pass over its tokens.
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

  /// Takes the state that a run has left, and the gradient with respect to the one before.
  ///
  /// After a state that is not finite, the stream begins anew.
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

  /// Takes over another state's values where they are.
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
