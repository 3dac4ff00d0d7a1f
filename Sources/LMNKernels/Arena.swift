#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Memory for the tensors of a recording: blocks that are given back serve later requests of their
/// size.
///
/// A recording repeats the same requests in the same order, so what one run needs at once is all
/// that is ever taken from the system.
///
/// Unchecked because of the pointers: a recording is made by one thread, and only then are there
/// requests.
final class Arena: @unchecked Sendable {
  private var chunks: [UnsafeMutableRawPointer] = []
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private var next: UnsafeMutableRawPointer?
  private var rest = 0
  /// What was taken from the system.
  private(set) var byteCount = 0

  deinit { for chunk in chunks { chunk.deallocate() } }

  /// A block on a cache line's boundary.
  func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let size = Self.blockSize(of: byteCount)
    if let block = free[size]?.popLast() { return block }
    if rest < size { addChunk(atLeast: size) }
    defer {
      next! += size
      rest -= size
    }
    return next!
  }

  /// Takes a block back.
  func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    free[Self.blockSize(of: byteCount), default: []].append(block)
  }

  /// Whole cache lines, and some more, so that blocks of a power of two do not all begin in the same
  /// set of a cache.
  private static func blockSize(of byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 + 320 }

  private func addChunk(atLeast size: Int) {
    // As large as everything before: few chunks, and at most half of the last one unused.
    rest = max(size, min(max(byteCount, 256 << 10), 64 << 20))
    if rest >= largePage {
      rest = (rest + largePage - 1) / largePage * largePage
      next = allocateOnLargePages(byteCount: rest)
    } else {
      next = .allocate(byteCount: rest, alignment: 64)
    }
    chunks.append(next!)
    byteCount += rest
  }
}

/// What the system hands out at once where it can.
let largePage = 2 << 20

/// Memory on large pages, with less time in page faults, to be given back by `deallocate()`.
///
/// Where the system has no large pages, nothing is lost.
func allocateOnLargePages(byteCount: Int) -> UnsafeMutableRawPointer {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: largePage)
  #if os(Linux)
    madvise(memory, byteCount / largePage * largePage, MADV_HUGEPAGE)
  #endif
  return memory
}
