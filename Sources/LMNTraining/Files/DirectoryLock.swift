import FoundationEssentials

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Exclusive use of a directory by one process, until the lock or the process ends.
package final class DirectoryLock {
  private let directory: Int32

  /// Locks a directory that exists; nil if another process, or another lock of this one, has it.
  ///
  /// Removes the incomplete files of processes that were killed.
  package init?(_ path: String) throws(FileError) {
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    guard flock(directory, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(directory)
      if code == EWOULDBLOCK { return nil }
      throw FileError(operation: "lock", path: path, code: code)
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for file in files where AtomicFile.isPartial(file) { unlink("\(path)/\(file)") }
  }

  deinit { close(directory) }
}
