#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the system refused to do with a file.
public struct FileError: Error, Hashable, CustomStringConvertible {
  /// What was tried, as a verb: open, read, write, synchronize, replace.
  public let operation: String

  /// The file it was tried on.
  public let path: String

  /// The system's reason, a value of `errno`.
  public let code: Int32

  /// One sentence: what failed, on which file, and why.
  public var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code)))"
  }
}

/// Whole files in and out of memory; a file that is written is there as a whole or not at all.
public enum AtomicFile {
  /// The bytes of a file, which may also be a pipe such as `/dev/stdin`.
  ///
  /// - Parameter path: The file to read.
  /// - Returns: All bytes up to the end of the file.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public static func contents(of path: String) throws(FileError) -> [UInt8] {
    try FileDescriptor.reading(path).remainingBytes()
  }

  /// Writes a file, replacing one that is there only once the new one is safely stored.
  ///
  /// - Parameters:
  ///   - bytes: The contents of the file.
  ///   - path: Where to write; its directory must exist.
  /// - Throws: `FileError`; what was at `path` is then as it was before.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write(pieces: [bytes[...]], to: path)
  }

  /// Writes a file from pieces that follow each other, without joining them in memory.
  ///
  /// - Parameters:
  ///   - pieces: The contents of the file, in order.
  ///   - path: Where to write; its directory must exist.
  /// - Throws: `FileError`; what was at `path` is then as it was before. Only an error of the last
  ///   step, which makes the exchange itself safe against a power cut, leaves the new file there.
  public static func write(pieces: [ArraySlice<UInt8>], to path: String) throws(FileError) {
    try write(pieces: pieces, to: path, by: SystemCalls())
  }

  /// The system calls whose order makes the exchange of files safe; tests record them.
  struct SystemCalls {
    var synchronize: (_ file: Int32) -> Int32 = { fsync($0) }
    var replace: (_ new: String, _ old: String) -> Int32 = { rename($0, $1) }
  }

  static func write(
    pieces: [ArraySlice<UInt8>], to path: String, by calls: SystemCalls
  ) throws(FileError) {
    let (target, permissions) = try replaceableFile(at: path)
    let directoryPath = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "./"
    let directory = try FileDescriptor(opening: directoryPath, flags: O_RDONLY | O_DIRECTORY)

    let unique = String(UInt64.random(in: .min ... .max), radix: 16)
    let temporary = "\(directoryPath).lmn-\(unique).partial"
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
      unlink(temporary)
      throw error
    }
    try directory.synchronize(by: calls.synchronize)
  }

  /// The file that a write to `path` replaces, and the permissions it keeps if it exists.
  ///
  /// Links are followed, so that `/dev/stdout` or a link to another disk stays what it is. What
  /// is not a regular file is refused: to rename over `/dev/null` would do away with the device.
  private static func replaceableFile(
    at path: String
  ) throws(FileError) -> (path: String, permissions: mode_t?) {
    guard let resolved = realpath(path, nil) else {
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
    return (String(cString: resolved), status.st_mode & 0o7777)
  }
}

/// An open file, closed at the end of its scope; return codes become errors here and only here.
struct FileDescriptor: ~Copyable {
  private let path: String
  private let number: Int32

  /// Opens a file; errors name `namedPath` if that is what the user knows it by.
  init(opening path: String, flags: Int32, as namedPath: String? = nil) throws(FileError) {
    let number = open(path, flags | O_CLOEXEC, 0o666)
    guard number >= 0 else {
      throw FileError(operation: "open", path: namedPath ?? path, code: errno)
    }
    self.path = namedPath ?? path
    self.number = number
  }

  /// A file, but no directory, opened for reading.
  static func reading(_ path: String) throws(FileError) -> FileDescriptor {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    guard try file.status().st_mode & S_IFMT != S_IFDIR else {
      throw FileError(operation: "read", path: path, code: EISDIR)
    }
    return file
  }

  /// A file, made if it is missing, opened to write at its end.
  static func appending(_ path: String) throws(FileError) -> FileDescriptor {
    try FileDescriptor(opening: path, flags: O_WRONLY | O_APPEND | O_CREAT)
  }

  deinit {
    close(number)
  }

  /// The number of bytes of a regular file; nil for a pipe or a device.
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

  /// All bytes from here to the end of the file.
  func remainingBytes() throws(FileError) -> [UInt8] {
    var bytes = try bytes(upTo: byteCount() ?? 0)
    while true {
      // The size was only a hint: a file may have grown since, and those of /proc claim to be empty.
      let chunk = try self.bytes(upTo: 1 << 16)
      guard !chunk.isEmpty else { return bytes }
      bytes += chunk
    }
  }

  /// Writes all of `bytes`, in as many steps as the system takes.
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

  /// Gives the file the permissions of another.
  func setPermissions(_ permissions: mode_t) throws(FileError) {
    _ = try attempt("write") { Int(fchmod(number, permissions)) }
  }

  /// Returns once all that was written is on the disk.
  func synchronize(by call: (Int32) -> Int32) throws(FileError) {
    do throws(FileError) {
      _ = try attempt("synchronize") { Int(call(number)) }
    } catch {
      // A file system may have no way to synchronize a directory, and says so by EINVAL.
      guard error.code == EINVAL else { throw error }
    }
  }

  private func status() throws(FileError) -> stat {
    var status = stat()
    _ = try attempt("open") { Int(fstat(number, &status)) }
    return status
  }

  /// The result of a system call, repeated as long as signals interrupt it.
  private func attempt(_ operation: String, _ call: () -> Int) throws(FileError) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      guard errno == EINTR else { throw FileError(operation: operation, path: path, code: errno) }
    }
  }
}
