#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Memory between two margins that must not be written.
///
/// The margins hold NaN, so a kernel that reads them spoils its results; ``hasIntactMargins``
/// detects one that writes to them. Their odd length misaligns the elements.
public final class GuardedBuffer<Element: BitwiseCopyable> {
  private static var marginCount: Int { 79 }

  private let memory: UnsafeMutableBufferPointer<Element>
  private let original: [Element]
  private let margin: [Element]

  /// Creates a buffer with `elements`, of four bytes each.
  public init(_ elements: [Element]) {
    let poison = unsafeBitCast(0x7fc0_dead as UInt32, to: Element.self)
    margin = [Element](repeating: poison, count: Self.marginCount)
    original = elements
    memory = .allocate(capacity: elements.count + 2 * margin.count)
    _ = memory.initialize(from: margin + elements + margin)
  }

  deinit { memory.deallocate() }

  /// Address of the elements, valid while the buffer lives.
  public var base: UnsafeMutablePointer<Element> { memory.baseAddress! + margin.count }

  /// Copy of the elements.
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

  /// Whether nothing was written before the first element or after the last.
  public var hasIntactMargins: Bool {
    holds(margin, at: 0) && holds(margin, at: margin.count + original.count)
  }

  /// Whether the elements have their initial bits.
  public var isUnchanged: Bool { holds(original, at: margin.count) }

  /// Compares bits, since NaN is unequal to itself.
  private func holds(_ elements: [Element], at index: Int) -> Bool {
    elements.withUnsafeBytes {
      $0.isEmpty || memcmp($0.baseAddress!, memory.baseAddress! + index, $0.count) == 0
    }
  }
}
