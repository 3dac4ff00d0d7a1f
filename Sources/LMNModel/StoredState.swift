internal import LMNAutodiff
internal import LMNKernels
internal import LMNMemories
internal import Synchronization

/// Values of a state or of its cotangent, block by block; overwritten in place where shapes stay.
struct StoredState {
  private(set) var tensors: [Tensor] = []

  /// Copies values; allocates only where shapes differ from those before.
  mutating func store(_ values: [Tensor]) {
    if tensors.count != values.count {
      tensors = values.map { Tensor(overwritable: $0) }
      return
    }
    for index in 0..<values.count {
      if tensors[index].shape == values[index].shape {
        tensors[index].overwrite(withScalarsOf: values[index])
      } else {
        tensors[index] = Tensor(overwritable: values[index])
      }
    }
  }

  /// Whether all values are finite; −∞ is allowed in the tensors that admit it.
  func isFinite(admittingMinusInfinity admits: [Bool]) -> Bool {
    for index in 0..<tensors.count {
      if !tensors[index].isFinite(orMinusInfinity: admits[index]) { return false }
    }
    return true
  }
}

/// States within a run: after each of its segments, and one cotangent.
///
/// `@unchecked Sendable`: it is used by one item at a time.
final class SegmentStorage: @unchecked Sendable {
  var states: [StoredState]
  var cotangent = StoredState()

  init(segments: Int) { states = .init(repeating: StoredState(), count: segments) }
}

/// Storage for the states within runs, reused by the items of a batch: as much as there are items
/// computed at the same time.
final class SegmentStoragePool: Sendable {
  private let idle = Mutex<[SegmentStorage]>([])

  func take(segments: Int) -> SegmentStorage {
    idle.withLock { $0.popLast() } ?? SegmentStorage(segments: segments)
  }

  func give(_ storage: SegmentStorage) { idle.withLock { $0.append(storage) } }
}

extension Trunk.State {
  /// Values of all parts, block by block.
  var tensors: [Tensor] { blocks.flatMap { $0.parts.map(\.value.value) } }

  /// The variables of all parts, block by block.
  var variables: [Variable] { blocks.flatMap { $0.parts.map(\.value) } }

  /// A state with other values, given block by block.
  func withTensors(
    _ tensors: [Tensor], at position: Int,
    _ variable: (Tensor) -> Variable = { Variable(constant: $0) }
  ) -> Trunk.State {
    var rest = tensors.makeIterator()
    return Trunk.State(
      position: position, blocks: blocks.map { $0.mapValues { _ in variable(rest.next()!) } })
  }
}
