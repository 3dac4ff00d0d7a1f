/// Array of fixed size at a stable address, such as the tokens that a recording reads; its owner
/// may overwrite elements between runs.
///
/// `@unchecked` because it holds a pointer. The owner does not overwrite elements while they are
/// read.
public final class Buffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable, KernelOperand {
  let base: UnsafeMutablePointer<Element>
  /// Number of elements.
  public let count: Int

  /// Creates a buffer with a copy of `elements`.
  public init(_ elements: some Collection<Element>) {
    count = elements.count
    base = .allocate(capacity: max(count, 1))
    _ = UnsafeMutableBufferPointer(start: base, count: count).initialize(from: elements)
  }

  deinit { base.deallocate() }

  /// Replaces every element by `element(index)`.
  package func overwrite(_ element: (Int) -> Element) {
    for index in 0..<count { base[index] = element(index) }
  }

  /// Replaces one element.
  package func overwrite(at index: Int, with element: Element) {
    precondition(index >= 0 && index < count, "Buffer: place \(index) of \(count)")
    base[index] = element
  }

  /// Copies the elements of another buffer.
  ///
  /// - Precondition: Both buffers have the same count.
  public func overwrite(with other: Buffer) {
    precondition(other.count == count, "Buffer: \(other.count) elements for \(count)")
    overwrite(with: other, from: 0)
  }

  /// Copies elements of another buffer, from `first` on.
  ///
  /// - Precondition: From there on the other buffer has at least as many elements as this one.
  package func overwrite(with other: Buffer, from first: Int) {
    precondition(
      first >= 0 && count <= other.count - first,
      "Buffer: \(count) elements from \(first) of \(other.count)")
    base.update(from: other.base + first, count: count)
  }

  /// View of the elements, valid while the buffer lives.
  public var elements: UnsafeBufferPointer<Element> {
    UnsafeBufferPointer(start: base, count: count)
  }

  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

/// Tokens at a stable address.
public typealias TokenBuffer = Buffer<Token>

/// Positions in streams, or indices of rows, at a stable address.
public typealias PositionBuffer = Buffer<Int64>

extension PositionBuffer {
  /// Creates a buffer of the positions of a range.
  public convenience init(_ range: Range<Int>) { self.init(range.lazy.map(Int64.init)) }

  /// Increments every position; in a recording, at every run.
  public func advance() {
    ExecutionContext.current.run(on: self) { [self] _ in
      for index in 0..<count { base[index] += 1 }
    }
  }
}

extension Buffer: ExpressibleByArrayLiteral {
  /// Creates a buffer from an array literal.
  public convenience init(arrayLiteral elements: Element...) { self.init(elements) }
}
