#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A failed system call on a file.
public struct FileError: Error, Hashable, CustomStringConvertible {
  /// The operation, as a verb: open, read, write, synchronize, replace.
  public let operation: String

  /// Path of the file.
  public let path: String

  /// The value of `errno`.
  public let code: Int32

  /// A sentence with operation, path and the system's reason.
  public var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code)))"
  }
}

/// Reading of whole files, and atomic writing.
public enum AtomicFile {
  /// The contents of a file, which may be a pipe, or a descriptor such as `/dev/stdin`, of which
  /// the rest is read.
  ///
  /// - Parameter path: The file to read.
  /// - Returns: All bytes up to the end of the file.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public static func contents(of path: String) throws(FileError) -> [UInt8] {
    try FileDescriptor.reading(path).remainingBytes()
  }

  /// Writes a file atomically: an existing file is replaced only after the new one is stored
  /// safely.
  ///
  /// - Parameters:
  ///   - bytes: The contents of the file.
  ///   - path: Path of the file; its directory must exist.
  /// - Throws: `FileError`; an existing file is then unchanged.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write(pieces: [bytes[...]], to: path)
  }

  /// Writes a file atomically from consecutive pieces, without joining them in memory.
  ///
  /// - Parameters:
  ///   - pieces: The contents of the file, in order.
  ///   - path: Path of the file; its directory must exist.
  /// - Throws: `FileError`; an existing file is then unchanged, unless the final synchronization of
  ///   the directory failed.
  public static func write(pieces: [ArraySlice<UInt8>], to path: String) throws(FileError) {
    try write(pieces: pieces, to: path, by: SystemCalls())
  }

  /// System calls whose order makes the replacement safe; replaced in tests.
  struct SystemCalls {
    var synchronize: (_ file: Int32) -> Int32 = { fsync($0) }
    var replace: (_ new: String, _ old: String) -> Int32 = { new, old in
      new.withFileName { new in old.withFileName { rename(new, $0) } }
    }
  }

  static func write(
    pieces: [ArraySlice<UInt8>], to path: String, by calls: SystemCalls
  ) throws(FileError) {
    let (target, permissions) = try replaceableFile(at: path)
    let directoryPath = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "./"
    let directory = try FileDescriptor(opening: directoryPath, flags: O_RDONLY | O_DIRECTORY)

    let unique = String(UInt64.random(in: .min ... .max), radix: 16)
    let temporary = "\(directoryPath)\(partial.prefix)\(unique)\(partial.suffix)"
    let file = try FileDescriptor(
      opening: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, as: path)
    do throws(FileError) {
      if let permissions {
        try file.setPermissions(permissions)
      }
      for piece in pieces {
        try file.append(piece)
      }
      try file.synchronize(by: calls.synchronize)
      guard calls.replace(temporary, target) == 0 else {
        throw FileError(operation: "replace", path: path, code: errno)
      }
    } catch {
      _ = temporary.withFileName { unlink($0) }
      throw error
    }
    try directory.synchronize(by: calls.synchronize)
  }

  /// Parts of the name of a file that is not complete.
  private static let partial = (prefix: ".lmn-", suffix: ".partial")

  /// Whether a name is that of a file that is not complete.
  static func isPartial(_ name: String) -> Bool {
    name.hasPrefix(partial.prefix) && name.hasSuffix(partial.suffix)
  }

  /// Path of the file that a write to `path` replaces, and its permissions if it exists.
  ///
  /// Links are followed, so that a link stays a link. Anything but a regular file is refused:
  /// renaming over `/dev/null` would replace the device.
  private static func replaceableFile(
    at path: String
  ) throws(FileError) -> (path: String, permissions: mode_t?) {
    guard let resolved = path.withFileName({ realpath($0, nil) }) else {
      guard errno == ENOENT else { throw FileError(operation: "replace", path: path, code: errno) }
      return (path, nil)
    }
    defer { free(resolved) }
    var status = stat()
    guard stat(resolved, &status) == 0 else {
      throw FileError(operation: "replace", path: path, code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw FileError(operation: "replace", path: path, code: isDirectory ? EISDIR : ENOTSUP)
    }
    return (FileName.text(of: resolved), status.st_mode & 0o7777)
  }
}

/// An open file, closed at the end of its scope; the only place that turns return codes into
/// errors.
struct FileDescriptor: ~Copyable {
  private let path: String
  private let number: Int32

  /// Opens a file; errors name `namedPath` instead, if given.
  init(opening path: String, flags: Int32, as namedPath: String? = nil) throws(FileError) {
    let number = path.withFileName { open($0, flags | O_CLOEXEC, 0o666) }
    guard number >= 0 else {
      throw FileError(operation: "open", path: namedPath ?? path, code: errno)
    }
    self.path = namedPath ?? path
    self.number = number
  }

  /// Duplicates a descriptor of this process, which keeps its place in the file.
  private init(duplicating number: Int32, path: String) throws(FileError) {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    self.path = path
    self.number = copy
  }

  /// The descriptor of this process that a path such as `/dev/stdin` names; nil for other paths.
  ///
  /// To open such a path would begin again at the start of a file, and fails for a socket.
  private static func descriptor(namedBy path: String) -> Int32? {
    if path == "/dev/stdin" { return STDIN_FILENO }
    return ["/dev/fd/", "/proc/self/fd/"].lazy
      .filter(path.hasPrefix).compactMap { Int32(path.dropFirst($0.count)) }.first
  }

  /// Opens a file for reading; directories are refused.
  static func reading(_ path: String) throws(FileError) -> FileDescriptor {
    let file =
      if let descriptor = descriptor(namedBy: path) {
        try FileDescriptor(duplicating: descriptor, path: path)
      } else {
        try FileDescriptor(opening: path, flags: O_RDONLY)
      }
    guard try file.status().st_mode & S_IFMT != S_IFDIR else {
      throw FileError(operation: "read", path: path, code: EISDIR)
    }
    return file
  }

  /// Opens a file for appending, created if missing.
  static func appending(_ path: String) throws(FileError) -> FileDescriptor {
    try FileDescriptor(opening: path, flags: O_WRONLY | O_APPEND | O_CREAT)
  }

  deinit {
    close(number)
  }

  /// Size of a regular file in bytes; nil for a pipe or device.
  func byteCount() throws(FileError) -> Int? {
    let status = try status()
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  /// The next `count` bytes, fewer only at the end of the file.
  func bytes(upTo count: Int) throws(FileError) -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled throws(FileError) in
      while filled < count {
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[filled..<count])
        let step = try attempt("read") { read(number, rest.baseAddress, min(rest.count, 1 << 30)) }
        guard step > 0 else { return }
        filled += step
      }
    }
  }

  /// All bytes from the current position to the end of the file.
  func remainingBytes() throws(FileError) -> [UInt8] {
    var bytes = try bytes(upTo: byteCount() ?? 0)
    while true {
      // The size is only a hint: the file may have grown, and files in /proc report size 0.
      let chunk = try self.bytes(upTo: 1 << 16)
      guard !chunk.isEmpty else { return bytes }
      bytes += chunk
    }
  }

  /// Writes all of `bytes`, in several calls if necessary.
  func append(_ bytes: ArraySlice<UInt8>) throws(FileError) {
    try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
      var rest = buffer[...]
      while !rest.isEmpty {
        let start = UnsafeBufferPointer(rebasing: rest).baseAddress
        rest = try rest.dropFirst(
          attempt("write") { write(number, start, min(rest.count, 1 << 30)) })
      }
    }
  }

  /// Sets the permissions of the file.
  func setPermissions(_ permissions: mode_t) throws(FileError) {
    _ = try attempt("write") { Int(fchmod(number, permissions)) }
  }

  /// Waits until all written data is on the disk.
  func synchronize(by call: (Int32) -> Int32) throws(FileError) {
    do throws(FileError) {
      _ = try attempt("synchronize") { Int(call(number)) }
    } catch {
      // File systems that cannot synchronize directories report EINVAL.
      guard error.code == EINVAL else { throw error }
    }
  }

  private func status() throws(FileError) -> stat {
    var status = stat()
    _ = try attempt("open") { Int(fstat(number, &status)) }
    return status
  }

  /// The result of a system call, repeated while signals interrupt it.
  private func attempt(_ operation: String, _ call: () -> Int) throws(FileError) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      guard errno == EINTR else { throw FileError(operation: operation, path: path, code: errno) }
    }
  }
}
