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
    directory = path.withFileName { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard directory >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    guard flock(directory, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(directory)
      if code == EWOULDBLOCK { return nil }
      throw FileError(operation: "lock", path: path, code: code)
    }
    for file in files where AtomicFile.isPartial(file) { unlinkat(directory, file, 0) }
  }

  /// Names of the directory's files.
  private var files: [String] {
    // Closing the stream closes its descriptor.
    guard let stream = fdopendir(dup(directory)) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      withUnsafeBytes(of: entry.pointee.d_name) {
        names.append(FileName.text(of: $0.prefix { $0 != 0 }))
      }
    }
    return names
  }

  deinit { close(directory) }
}
