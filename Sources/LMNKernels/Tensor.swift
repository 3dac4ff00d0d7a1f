internal import Synchronization

/// A dense, row-major array of float32 values with a shape.
///
/// A tensor is a value: copies share storage until one of them is written to.
public struct Tensor: Sendable {
  /// The extent of each dimension, outermost first.
  public let shape: [Int]
  /// How many values there are.
  public let count: Int
  private var storage: Storage
  private let offset: Int

  /// A tensor whose values `initialize` writes, all of them, into uninitialised memory.
  public init(shape: [Int], initializingWith initialize: (UnsafeMutablePointer<Float>) -> Void) {
    precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: negative extent in shape \(shape)")
    self.init(shape: shape, storage: Storage(count: shape.reduce(1, *)), offset: 0)
    initialize(storage.base)
  }

  /// A tensor of `scalars` in row-major order.
  ///
  /// - Precondition: There are as many scalars as the shape holds.
  public init(shape: [Int], scalars: [Float]) {
    precondition(
      shape.reduce(1, *) == scalars.count,
      "Tensor: shape \(shape) does not hold \(scalars.count) scalars")
    self.init(shape: shape) { base in
      scalars.withUnsafeBufferPointer { values in
        if let first = values.baseAddress { base.initialize(from: first, count: values.count) }
      }
    }
  }

  /// A tensor with the same value everywhere.
  public init(shape: [Int], repeating value: Float) {
    self.init(shape: shape) { $0.initialize(repeating: value, count: shape.reduce(1, *)) }
  }

  /// A tensor for a kernel to write, all of it.
  init(uninitialized shape: [Int]) {
    let arena = ExecutionContext.current.recording?.arenaOfResults
    self.init(shape: shape, storage: Storage(count: shape.reduce(1, *), in: arena), offset: 0)
  }

  /// A copy of a tensor for the input of a recording, whose owner overwrites it between two runs:
  /// nothing that is derived from its values is kept with it.
  package init(overwritable source: Tensor) {
    let storage = Storage(count: source.count, isOverwritten: true)
    self.init(shape: source.shape, storage: storage, offset: 0)
    source.withScalars { storage.base.update(from: $0, count: count) }
  }

  /// A tensor that has a shape and no values: a description of a parameter that is yet to be loaded.
  package init(describing shape: [Int]) {
    self.init(shape: shape, storage: Storage(count: 0), offset: 0)
  }

  private init(shape: [Int], storage: Storage, offset: Int) {
    self.shape = shape
    count = shape.reduce(1, *)
    self.storage = storage
    self.offset = offset
  }

  /// The values in row-major order, copied.
  public var scalars: [Float] {
    expectReadable()
    return withExtendedLifetime(storage) { Array(UnsafeBufferPointer(start: base, count: count)) }
  }

  /// The first value; of a one-element tensor, the value.
  public var scalar: Float {
    precondition(count == 1, "Tensor: a scalar was asked of shape \(shape)")
    expectReadable()
    return withExtendedLifetime(storage) { base.pointee }
  }

  /// The same values under another shape.
  ///
  /// - Precondition: Both shapes hold equally many values.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(
      shape.reduce(1, *) == count, "Tensor: cannot reshape \(self.shape) to \(shape)")
    return Tensor(shape: shape, storage: storage, offset: offset)
  }

  /// Rows `range` of the outermost dimension, sharing storage.
  ///
  /// - Precondition: The range lies within the rows.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= shape[0],
      "Tensor: rows \(range) are not all in shape \(shape)")
    let rowCount = shape.dropFirst().reduce(1, *)
    return Tensor(
      shape: [range.count] + shape.dropFirst(), storage: storage,
      offset: offset + range.lowerBound * rowCount)
  }

  /// The tensors' rows, one after the other.
  ///
  /// - Precondition: There is at least one tensor, and all agree in the inner dimensions.
  public static func concatenatingRows(_ tensors: [Tensor]) -> Tensor {
    let inner = Array(tensors[0].shape.dropFirst())
    precondition(
      tensors.allSatisfy { Array($0.shape.dropFirst()) == inner },
      "Tensor: rows of shapes \(tensors.map(\.shape)) cannot be concatenated")
    let all = Tensor(uninitialized: [tensors.reduce(0) { $0 + $1.shape[0] }] + inner)
    var row = 0
    for tensor in tensors {
      tensor.copyRows(into: all.rows(row..<row + tensor.shape[0]))
      row += tensor.shape[0]
    }
    return all
  }

  /// Where the values stand; good while the tensor lives (`withExtendedLifetime`).
  package var base: UnsafePointer<Float> { UnsafePointer(storage.base + offset) }

  /// Where a kernel writes a tensor that nobody else has seen yet.
  var output: UnsafeMutablePointer<Float> { storage.base + offset }

  /// Gives `body` the values to read.
  public func withScalars<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    expectReadable()
    return try withExtendedLifetime(storage) { try body(base) }
  }

  /// Gives `body` the values to change in place; another tensor's view of them stays as it was.
  package mutating func withMutableScalars<R>(
    _ body: (UnsafeMutablePointer<Float>) throws -> R
  ) rethrows -> R {
    expectReadable()
    if !isKnownUniquelyReferenced(&storage) || offset != 0 {
      self = Tensor(shape: shape) { [self] in $0.initialize(from: base, count: count) }
    }
    storage.forgetTransposed()
    return try body(storage.base)
  }

  /// Gives `body` the values to change in place, whoever else holds them: for the owner of a
  /// recording, whose calls go on reading here.
  package func overwrite<R>(_ body: (UnsafeMutablePointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) { try body(storage.base + offset) }
  }

  /// The same, with another tensor's values, which is of the same shape.
  package func overwrite(withScalarsOf other: Tensor) {
    precondition(other.shape == shape, "Tensor: values of shape \(other.shape) for \(shape)")
    overwrite { target in other.withScalars { target.update(from: $0, count: count) } }
  }

  /// What `make` derives from the whole of a constant, such as a weight's transposed form, kept with
  /// it: `make` runs once per value.
  func cachingTransposed(_ make: () -> Tensor) -> Tensor {
    // Of values in between, a recording has to make it anew every time.
    if offset != 0 || storage.arena != nil || storage.isOverwritten { return make() }
    return storage.transposed(shape) {
      ExecutionContext.current.recording?.deriving(make) ?? make()
    }
  }

  /// Traps on a value that a recording will compute anew without whoever reads it now.
  private func expectReadable() {
    precondition(
      offset + count <= storage.count,
      "Tensor: values are read of a tensor that only describes the shape \(shape)")
    precondition(
      storage.arena == nil || ExecutionContext.current.recording == nil,
      "Tensor: values are read while they are being recorded")
  }
}

extension Tensor: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { storage.arena === arena ? [] : [storage] }
}

extension Tensor: Equatable {
  /// Whether shape and values are the same (so a tensor with a NaN is unequal to itself).
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.shape == right.shape && left.scalars == right.scalars
  }
}

/// The memory behind tensors, on a cache line's boundary.
///
/// Unchecked because of the pointer: what it points to is written before the tensor is handed out,
/// and later only by an owner that knows it is the only one.
private final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  /// Where the memory comes from; nil for the system.
  let arena: Arena?
  /// Whether the values may change between two runs of a recording that reads them.
  let isOverwritten: Bool
  /// Values that there is memory for.
  let count: Int
  private var byteCount: Int { max(count, 1) * MemoryLayout<Float>.stride }
  private let cache = Mutex<(shape: [Int], transposed: Tensor)?>(nil)

  init(count: Int, in arena: Arena? = nil, isOverwritten: Bool = false) {
    self.arena = arena
    self.isOverwritten = isOverwritten
    self.count = count
    let byteCount = max(count, 1) * MemoryLayout<Float>.stride
    let bytes =
      if let arena {
        arena.allocate(byteCount: byteCount)
      } else if byteCount >= 2 * largePage {
        allocateOnLargePages(byteCount: byteCount)
      } else {
        UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      }
    base = bytes.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  deinit {
    if let arena { arena.release(base, byteCount: byteCount) } else { base.deallocate() }
  }

  func transposed(_ shape: [Int], _ make: () -> Tensor) -> Tensor {
    cache.withLock { cache in
      if let cache, cache.shape == shape { return cache.transposed }
      let transposed = make()
      cache = (shape, transposed)
      return transposed
    }
  }

  func forgetTransposed() { cache.withLock { $0 = nil } }
}
