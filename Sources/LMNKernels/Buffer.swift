/// Numbers in memory that stays where it is, such as the tokens that a recording reads: their owner
/// may overwrite them between two runs.
///
/// Unchecked because of the pointer: its owner sees to it that nobody reads it while it is written.
public final class Buffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable, KernelOperand {
  let base: UnsafeMutablePointer<Element>
  /// How many elements there are.
  public let count: Int

  /// A buffer of `elements`.
  public init(_ elements: some Collection<Element>) {
    count = elements.count
    base = .allocate(capacity: max(count, 1))
    _ = UnsafeMutableBufferPointer(start: base, count: count).initialize(from: elements)
  }

  deinit { base.deallocate() }

  /// Replaces every element by what `element` gives for its place.
  package func overwrite(_ element: (Int) -> Element) {
    for index in 0..<count { base[index] = element(index) }
  }

  /// Replaces one element.
  package func overwrite(at index: Int, with element: Element) {
    precondition(index >= 0 && index < count, "Buffer: place \(index) of \(count)")
    base[index] = element
  }

  /// Takes over another buffer's elements.
  ///
  /// - Precondition: It has as many.
  package func overwrite(with other: Buffer) {
    precondition(other.count == count, "Buffer: \(other.count) elements for \(count)")
    base.update(from: other.base, count: count)
  }

  /// The elements.
  public var elements: UnsafeBufferPointer<Element> {
    UnsafeBufferPointer(start: base, count: count)
  }

  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

/// Tokens in memory that stays where it is.
public typealias TokenBuffer = Buffer<Token>

/// Positions in streams, or rows of tensors, in memory that stays where it is.
public typealias PositionBuffer = Buffer<Int64>

extension PositionBuffer {
  /// The positions of a range.
  public convenience init(_ range: Range<Int>) { self.init(range.lazy.map(Int64.init)) }

  /// Moves every position on by one; a recording does so at every run.
  public func advance() {
    ExecutionContext.current.run(on: self) { [self] _ in
      for index in 0..<count { base[index] += 1 }
    }
  }
}

extension Buffer: ExpressibleByArrayLiteral {
  /// A buffer of the elements of a literal.
  public convenience init(arrayLiteral elements: Element...) { self.init(elements) }
}
