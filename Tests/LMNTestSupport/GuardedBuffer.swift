#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Memory between two margins that nobody may write to.
///
/// The margins hold not-a-numbers, so a kernel that reads them spoils its results, and one that
/// writes to them is found by ``hasIntactMargins``. Their odd length keeps the elements away from
/// the boundaries of vectors.
public final class GuardedBuffer<Element: BitwiseCopyable> {
  private static var marginCount: Int { 79 }

  private let memory: UnsafeMutableBufferPointer<Element>
  private let original: [Element]
  private let margin: [Element]

  /// A buffer that holds `elements`, which are of four bytes each.
  public init(_ elements: [Element]) {
    let poison = unsafeBitCast(0x7fc0_dead as UInt32, to: Element.self)
    margin = [Element](repeating: poison, count: Self.marginCount)
    original = elements
    memory = .allocate(capacity: elements.count + 2 * margin.count)
    _ = memory.initialize(from: margin + elements + margin)
  }

  deinit { memory.deallocate() }

  /// Where the elements stand; good while the buffer lives.
  public var base: UnsafeMutablePointer<Element> { memory.baseAddress! + margin.count }

  /// The elements, copied.
  public var elements: [Element] {
    Array(UnsafeBufferPointer(start: base, count: original.count))
  }

  /// Bits of the elements; setting them restores earlier contents.
  var bits: [UInt32] {
    get {
      base.withMemoryRebound(to: UInt32.self, capacity: original.count) {
        Array(UnsafeBufferPointer(start: $0, count: original.count))
      }
    }
    set {
      precondition(newValue.count == original.count)
      base.withMemoryRebound(to: UInt32.self, capacity: original.count) {
        $0.update(from: newValue, count: newValue.count)
      }
    }
  }

  /// Whether nothing was written before the first element or behind the last.
  public var hasIntactMargins: Bool {
    holds(margin, at: 0) && holds(margin, at: margin.count + original.count)
  }

  /// Whether the elements have the bits that the buffer was made with.
  public var isUnchanged: Bool { holds(original, at: margin.count) }

  /// Compares bits, since a not-a-number is unequal to itself.
  private func holds(_ elements: [Element], at index: Int) -> Bool {
    elements.withUnsafeBytes {
      $0.isEmpty || memcmp($0.baseAddress!, memory.baseAddress! + index, $0.count) == 0
    }
  }
}
