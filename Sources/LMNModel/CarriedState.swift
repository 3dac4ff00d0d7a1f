internal import LMNAutodiff
internal import LMNKernels
internal import LMNMemories

/// Carried state of a batch item: each run starts from the state at the end of the run before.
///
/// Gradients stop at the start of a run: truncated back-propagation through time (R. J. Williams and
/// J. Peng, Neural Computation 2, 1990). A run reads T segments. With one segment its tokens are
/// computed at once. With more it is computed by memory replay (arXiv 2010.06891, section 3.3): the
/// states before all segments first, without gradients; then the segments from the last to the
/// first, each with the gradient of its loss and, by the cotangent of its final state, that of all
/// later losses. Only states are stored in between, so a run takes the memory of one segment.
///
/// `@unchecked Sendable`: only the owner changes it between runs, and the thread of its item during
/// one.
public final class CarriedState: @unchecked Sendable {
  /// T: segments of a run.
  public let segmentCount: Int
  /// L: tokens of a segment.
  public let segmentLength: Int
  /// Segments of every run, apart from the first, before which the stream begins anew.
  public var restarts: Set<Int> = []

  /// Layouts and shapes.
  let structure: any StateStructure
  /// A state, for the names of its parts.
  private let example: Trunk.State
  /// Whether −∞ is a valid value, per part of all blocks.
  private let admitsMinusInfinity: [Bool]
  /// Limit of tokens per stream.
  private let room: Int
  /// Number of tokens before the next run; 0 for the beginning of a stream.
  private var position = 0
  /// Initial state of the next run, unless it is the beginning of a stream.
  private var initial = StoredState()
  /// States after the segments of the current run.
  private var storage: SegmentStorage?
  private let pool: SegmentStoragePool

  /// Carried state at the beginning of a stream.
  ///
  /// - Parameters:
  ///   - structure: Tensors of the state, of parameters at stable addresses.
  ///   - maximumLength: Limit of tokens per stream; nil for none.
  ///   - carry: Blocks of a run; each is a segment if it is replayed, otherwise all are one.
  ///   - length: Tokens of a block.
  ///   - pool: Storage for the states within runs, shared by the items of a batch.
  init(
    of structure: any StateStructure, maximumLength: Int?, carry: Carry, length: Int,
    storingIn pool: SegmentStoragePool
  ) {
    self.structure = structure
    example = structure.initialState
    admitsMinusInfinity = example.blocks.flatMap { $0.parts.map(\.admitsMinusInfinity) }
    (segmentCount, segmentLength) =
      carry.replay ? (carry.horizon, length) : (1, carry.horizon * length)
    room = maximumLength ?? .max
    self.pool = pool
  }

  /// Initial state of the next run, without gradients; nil for the beginning of a stream.
  ///
  /// The next run also starts at the beginning where learned positions do not suffice for it.
  public var state: Trunk.State? {
    get {
      position == 0
        ? nil
        : state(of: initial.tensors.map { $0.copied() }, at: position)
    }
    set {
      position = newValue?.position ?? 0
      if position > 0 { initial.store(newValue!.tensors) }
    }
  }

  /// A state with the given tensors, block by block.
  func state(
    of tensors: [Tensor], at position: Int,
    _ variable: (Tensor) -> Variable = { Variable(constant: $0) }
  ) -> Trunk.State {
    example.withTensors(tensors, at: position, variable)
  }

  // MARK: - Segments of a run

  /// Bytes of the states within the next run.
  var storageByteCount: Int {
    if segmentCount == 1 { return 0 }
    let states = (0..<segmentCount).map { segment in
      structure.stateByteCount(at: start(of: segment) + segmentLength)
    }
    // And a cotangent.
    return states.reduce(states.max()!, +)
  }

  /// Position of the first token of a segment; 0 if it is at the beginning of a stream.
  func start(of segment: Int) -> Int {
    var start = position <= room - segmentCount * segmentLength ? position : 0
    for next in 0..<segment { start = restarts.contains(next + 1) ? 0 : start + segmentLength }
    return start
  }

  /// Values of the state before a segment that is not at the beginning of a stream.
  func state(before segment: Int) -> [Tensor] {
    segment == 0 ? initial.tensors : storage!.states[segment - 1].tensors
  }

  /// Cotangent of the state after a segment; nil for zero.
  func cotangent(after segment: Int) -> [Tensor]? {
    segment + 1 == segmentCount || start(of: segment + 1) == 0 ? nil : storage!.cotangent.tensors
  }

  /// Stores the state after a segment.
  func store(_ state: [Tensor], after segment: Int) {
    if segmentCount == 1 { return initial.store(state) }
    if storage == nil { storage = pool.take(segments: segmentCount) }
    storage!.states[segment].store(state)
  }

  /// Stores the cotangent of the state before a segment.
  func store(cotangent: [Tensor]) { storage!.cotangent.store(cotangent) }

  /// Ends a run: its final state is the next initial one.
  ///
  /// A final state with values that are not finite resets the stream to its beginning.
  func finishRun() {
    position = start(of: segmentCount - 1) + segmentLength
    if let storage {
      swap(&initial, &storage.states[segmentCount - 1])
      pool.give(storage)
      self.storage = nil
    }
    if !initial.isFinite(admittingMinusInfinity: admitsMinusInfinity) { position = 0 }
  }
}
