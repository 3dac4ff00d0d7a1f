#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Identity and age of a file that exists; equal for all of its names.
package struct FileIdentity: Equatable {
  /// Whether it is a regular file.
  package let isRegular: Bool
  /// Whether it is a directory.
  package let isDirectory: Bool
  private let device: dev_t
  private let number: ino_t
  private let seconds, nanoseconds: Int

  /// The identity of the file at `path`; nil if there is none.
  ///
  /// `/dev/stdin` is the file of descriptor 0.
  package init?(_ path: String) {
    var status = stat()
    guard path.withFileName({ stat($0, &status) }) == 0 else { return nil }
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isDirectory = status.st_mode & S_IFMT == S_IFDIR
    (device, number) = (status.st_dev, status.st_ino)
    #if canImport(Darwin)
      let modified = status.st_mtimespec
    #else
      let modified = status.st_mtim
    #endif
    (seconds, nanoseconds) = (modified.tv_sec, modified.tv_nsec)
  }
}
