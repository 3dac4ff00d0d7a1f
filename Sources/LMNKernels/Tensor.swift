internal import Synchronization

/// Dense, row-major array of float32 values with a shape.
///
/// A tensor is a value: copies share storage until one of them is written to.
public struct Tensor: Sendable {
  /// Extent of each dimension, outermost first.
  public let shape: [Int]
  /// Number of values.
  public let count: Int
  private var storage: Storage
  private let offset: Int

  /// Creates a tensor in uninitialized memory, all of which `initialize` has to write.
  public init(shape: [Int], initializingWith initialize: (UnsafeMutablePointer<Float>) -> Void) {
    precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: negative extent in shape \(shape)")
    self.init(shape: shape, storage: Storage(count: shape.reduce(1, *)), offset: 0)
    initialize(storage.base)
  }

  /// Creates a tensor of `scalars` in row-major order.
  ///
  /// - Precondition: `scalars` has as many values as the shape.
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

  /// Creates a tensor with `value` in every place.
  public init(shape: [Int], repeating value: Float) {
    self.init(shape: shape) { $0.initialize(repeating: value, count: shape.reduce(1, *)) }
  }

  /// Creates a tensor all of which a kernel has to write.
  init(uninitialized shape: [Int]) {
    let arena = ExecutionContext.current.recording?.arenaOfResults
    self.init(shape: shape, storage: Storage(count: shape.reduce(1, *), in: arena), offset: 0)
  }

  /// Creates zeros; a recording writes them at every run, in memory that later results reuse.
  package init(zeros shape: [Int]) {
    self.init(uninitialized: shape)
    writeZeros()
  }

  /// Writes 0 in every place of a tensor that has not been read yet.
  func writeZeros() {
    let (values, count) = (output, count)
    ExecutionContext.current.run(on: self) { _ in values.update(repeating: 0, count: count) }
  }

  /// Copies a tensor as the input of a recording, to be overwritten between runs; nothing derived
  /// from its values is cached.
  ///
  /// Made while recording, it is to be overwritten before each run: recordings that share memory
  /// share that of their inputs.
  package init(overwritable source: Tensor) {
    let arena = ExecutionContext.current.recording?.arena
    let storage = Storage(count: source.count, in: arena, isOverwritten: true)
    self.init(shape: source.shape, storage: storage, offset: 0)
    source.withScalars { storage.base.update(from: $0, count: count) }
  }

  /// Creates a tensor with a shape but no values, for a parameter to be loaded later.
  package init(describing shape: [Int]) {
    self.init(shape: shape, storage: Storage(count: 0), offset: 0)
  }

  /// Whether there are values, not just a shape.
  package var hasValues: Bool { offset + count <= storage.count }

  private init(shape: [Int], storage: Storage, offset: Int) {
    self.shape = shape
    count = shape.reduce(1, *)
    self.storage = storage
    self.offset = offset
  }

  /// Copy of the values in row-major order.
  public var scalars: [Float] {
    expectReadable()
    return withExtendedLifetime(storage) { Array(UnsafeBufferPointer(start: base, count: count)) }
  }

  /// Value of a tensor with one element.
  public var scalar: Float {
    precondition(count == 1, "Tensor: a scalar was asked of shape \(shape)")
    expectReadable()
    return withExtendedLifetime(storage) { base.pointee }
  }

  /// Same values with another shape, sharing storage.
  ///
  /// - Precondition: Both shapes have the same number of values.
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

  /// Concatenation along the outermost dimension.
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

  /// Address of the values, valid while the tensor lives (`withExtendedLifetime`).
  package var base: UnsafePointer<Float> { UnsafePointer(storage.base + offset) }

  /// Address at which a kernel writes a tensor that has not been read yet.
  var output: UnsafeMutablePointer<Float> { storage.base + offset }

  /// Calls `body` with the values.
  public func withScalars<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    expectReadable()
    return try withExtendedLifetime(storage) { try body(base) }
  }

  /// Whether all values are finite, or −∞ where that is admitted; allocates nothing.
  package func isFinite(orMinusInfinity admitsMinusInfinity: Bool = false) -> Bool {
    withScalars { values in
      for index in 0..<count where !values[index].isFinite {
        if !admitsMinusInfinity || values[index] != -.infinity { return false }
      }
      return true
    }
  }

  /// Calls `body` with the values to change in place, after copying them if storage is shared.
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

  /// Calls `body` with the values to change in place even if storage is shared: for the owner of a
  /// recording, whose calls read this memory.
  package func overwrite<R>(_ body: (UnsafeMutablePointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) { try body(storage.base + offset) }
  }

  /// Copies the values of another tensor of the same shape in place, even if storage is shared.
  package func overwrite(withScalarsOf other: Tensor) {
    precondition(other.shape == shape, "Tensor: values of shape \(other.shape) for \(shape)")
    overwrite { target in other.withScalars { target.update(from: $0, count: count) } }
  }

  /// Result of `make`, which transposes `self`; cached with a constant, so that `make` runs once
  /// per value.
  func cachingTransposed(_ make: () -> Tensor) -> Tensor {
    // Of an intermediate value, a recording computes it anew in every run.
    if offset != 0 || storage.arena != nil || storage.isOverwritten { return make() }
    return storage.transposed(shape) {
      ExecutionContext.current.recording?.deriving(make) ?? make()
    }
  }

  /// Traps if there are no values, or if they are intermediate values of the current recording.
  private func expectReadable() {
    precondition(
      hasValues,
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
  /// Whether shapes and values are equal (so a tensor with a NaN is unequal to itself).
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.shape == right.shape && left.scalars == right.scalars
  }
}

/// Memory of tensors, aligned to a cache line.
///
/// `@unchecked` because it holds a pointer. Values are written before the tensor is returned, later
/// only by their single owner, or by the owner of a recording between runs.
private final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  /// Arena that owns the memory; nil for the system.
  let arena: Arena?
  /// Whether the values may change between runs of a recording that reads them.
  let isOverwritten: Bool
  /// Number of values that fit.
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
        arena.allocate(byteCount: byteCount, isNew: isOverwritten)
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
