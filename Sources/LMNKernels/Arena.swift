#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Memory regions allocated from the system, shared by the arenas of recordings that never run at
/// the same time; each arena uses all of them.
///
/// `@unchecked` because it holds pointers. Recordings that share memory are made one after the
/// other.
final class ArenaMemory: @unchecked Sendable {
  fileprivate private(set) var regions: [UnsafeMutableRawBufferPointer] = []
  /// Size of all regions.
  private(set) var byteCount = 0
  /// Largest number of bytes that an arena uses; the rest of the regions stays untouched.
  fileprivate(set) var usedByteCount = 0

  deinit { for region in regions { region.deallocate() } }

  /// Adds a region of at least `size` bytes.
  fileprivate func addRegion(atLeast size: Int) {
    // As large as all earlier regions together, from 256 KiB to 64 MiB, so that regions are few.
    var count = max(size, min(max(byteCount, 256 << 10), 64 << 20))
    let base: UnsafeMutableRawPointer
    if count >= largePage {
      count = (count + largePage - 1) / largePage * largePage
      base = allocateOnLargePages(byteCount: count)
    } else {
      base = .allocate(byteCount: count, alignment: 64)
    }
    regions.append(UnsafeMutableRawBufferPointer(start: base, count: count))
    byteCount += count
  }
}

/// Allocator for the tensors of one recording; released blocks are reused for requests of their
/// size.
///
/// Memory is requested only while the recording is made, and its runs use the same addresses. So
/// the memory taken from the system is about the peak of one run.
///
/// `@unchecked` because it holds pointers. A recording is made by one thread, and only then is
/// memory requested.
final class Arena: @unchecked Sendable {
  private let memory: ArenaMemory
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  /// Index of the region from which new blocks are taken, and the bytes used of it.
  private var (region, used) = (0, 0)
  /// Bytes used of earlier regions.
  private var usedBefore = 0

  /// Creates an arena that uses all of `memory`.
  init(_ memory: ArenaMemory = ArenaMemory()) { self.memory = memory }

  /// Bytes taken from the system, including those of other arenas on the same memory.
  var byteCount: Int { memory.byteCount }
  /// Bytes used, the most of all arenas on the same memory.
  var usedByteCount: Int { memory.usedByteCount }

  /// Allocates a block aligned to a cache line.
  ///
  /// - Parameters:
  ///   - byteCount: Bytes that it holds.
  ///   - isNew: Whether it must not be a released block, to which earlier calls of the recording
  ///     write.
  /// - Returns: The block.
  func allocate(byteCount: Int, isNew: Bool = false) -> UnsafeMutableRawPointer {
    let size = Self.blockSize(of: byteCount)
    if !isNew, let block = free[size]?.popLast() { return block }
    while region < memory.regions.count && memory.regions[region].count - used < size {
      usedBefore += touched
      (region, used) = (region + 1, 0)
    }
    if region == memory.regions.count { memory.addRegion(atLeast: size) }
    defer {
      used += size
      memory.usedByteCount = max(memory.usedByteCount, usedBefore + touched)
    }
    return memory.regions[region].baseAddress! + used
  }

  /// Bytes of the current region that the system has to provide: whole large pages of a large one.
  private var touched: Int {
    let page = memory.regions[region].count >= largePage ? largePage : 1
    return (used + page - 1) / page * page
  }

  /// Ends the recording: no more blocks will be requested.
  func finish() { free = [:] }

  /// Frees a block for reuse.
  func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    free[Self.blockSize(of: byteCount), default: []].append(block)
  }

  /// Size of a block: whole cache lines, with padding so that blocks of a power of two do not all
  /// begin in the same set of a cache.
  private static func blockSize(of byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 + 320 }
}

/// Bytes of a large page.
let largePage = 2 << 20

/// Allocates memory on large pages, for fewer page faults; freed by `deallocate()`.
///
/// Without large pages, the memory is ordinary.
func allocateOnLargePages(byteCount: Int) -> UnsafeMutableRawPointer {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: largePage)
  #if os(Linux)
    madvise(memory, byteCount / largePage * largePage, MADV_HUGEPAGE)
  #endif
  return memory
}
