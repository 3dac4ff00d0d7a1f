#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Chunks of memory taken from the system, for the arenas of recordings that never run at once: each
/// of them uses all of it.
///
/// Unchecked because of the pointers: recordings that share memory are made one after the other.
final class ArenaMemory: @unchecked Sendable {
  fileprivate private(set) var chunks: [UnsafeMutableRawBufferPointer] = []
  /// Bytes of all chunks.
  private(set) var byteCount = 0

  deinit { for chunk in chunks { chunk.deallocate() } }

  /// Adds a chunk of at least `size` bytes.
  fileprivate func addChunk(atLeast size: Int) {
    // As large as everything before: few chunks, and at most half of the last one unused.
    var count = max(size, min(max(byteCount, 256 << 10), 64 << 20))
    let base: UnsafeMutableRawPointer
    if count >= largePage {
      count = (count + largePage - 1) / largePage * largePage
      base = allocateOnLargePages(byteCount: count)
    } else {
      base = .allocate(byteCount: count, alignment: 64)
    }
    chunks.append(UnsafeMutableRawBufferPointer(start: base, count: count))
    byteCount += count
  }
}

/// Memory for the tensors of one recording: released blocks serve later requests of their size.
///
/// A recording repeats the same requests in the same order, so the memory it takes from the system is
/// what one run needs at once.
///
/// Unchecked because of the pointers: a recording is made by one thread, and only then are there
/// requests.
final class Arena: @unchecked Sendable {
  private let memory: ArenaMemory
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  /// The chunk that new blocks are cut from, and the bytes used of it.
  private var (chunk, used) = (0, 0)

  /// An arena that uses all of `memory`.
  init(_ memory: ArenaMemory = ArenaMemory()) { self.memory = memory }

  /// Bytes taken from the system, by other arenas on the same memory too.
  var byteCount: Int { memory.byteCount }

  /// A block on a cache line's boundary.
  func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let size = Self.blockSize(of: byteCount)
    if let block = free[size]?.popLast() { return block }
    while chunk < memory.chunks.count && memory.chunks[chunk].count - used < size {
      (chunk, used) = (chunk + 1, 0)
    }
    if chunk == memory.chunks.count { memory.addChunk(atLeast: size) }
    defer { used += size }
    return memory.chunks[chunk].baseAddress! + used
  }

  /// Takes a block back.
  func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    free[Self.blockSize(of: byteCount), default: []].append(block)
  }

  /// Whole cache lines, and some more, so that blocks of a power of two do not all begin in the same
  /// set of a cache.
  private static func blockSize(of byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 + 320 }
}

/// Size of a large page.
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
