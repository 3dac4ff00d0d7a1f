import LMNTestSupport
import Testing

@testable import LMNTraining

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

private func permissions(of path: String) -> mode_t {
  var status = stat()
  stat(path, &status)
  return status.st_mode & 0o7777
}

@Suite struct AtomicFileTests {
  @Test(arguments: [0, 1, 65_536, 300_000])
  func readsWhatItWrote(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try withTemporaryDirectory { directory in
      try AtomicFile.write(bytes, to: directory + "/file")
      #expect(try AtomicFile.contents(of: directory + "/file") == bytes)
      #expect(names(in: directory) == ["file"])
    }
  }

  @Test func joinsPieces() throws {
    try withTemporaryDirectory { directory in
      try AtomicFile.write(pieces: [[1, 2], [], [0, 3, 4][1...]], to: directory + "/file")
      #expect(try AtomicFile.contents(of: directory + "/file") == [1, 2, 3, 4])
    }
  }

  @Test func replacesAFileAndKeepsItsPermissions() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write([1, 2, 3], to: path)
      chmod(path, 0o640)
      try AtomicFile.write([4], to: path)
      #expect(try AtomicFile.contents(of: path) == [4])
      #expect(permissions(of: path) == 0o640)
      #expect(names(in: directory) == ["file"])
    }
  }

  /// Order of calls that leaves either the old or the new bytes after a power cut.
  @Test func synchronizesBeforeAndAfterTheExchange() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write([9], to: path)
      var done: [String] = []
      var calls = AtomicFile.SystemCalls()
      calls.synchronize = { number in
        var status = stat()
        fstat(number, &status)
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        done.append(isDirectory ? "synchronize directory" : "synchronize \(status.st_size) bytes")
        return fsync(number)
      }
      calls.replace = { new, old in
        done.append("replace")
        return rename(new, old)
      }
      try AtomicFile.write(pieces: [[1, 2], [3]], to: path, by: calls)
      #expect(done == ["synchronize 3 bytes", "replace", "synchronize directory"])
      #expect(try AtomicFile.contents(of: path) == [1, 2, 3])

      calls.synchronize = { _ in
        errno = EIO
        return -1
      }
      #expect(throws: FileError(operation: "synchronize", path: path, code: EIO)) {
        try AtomicFile.write(pieces: [[4]], to: path, by: calls)
      }
      #expect(try AtomicFile.contents(of: path) == [1, 2, 3])
      #expect(names(in: directory) == ["file"])
    }
  }

  @Test func followsALink() throws {
    try withTemporaryDirectory { directory in
      try AtomicFile.write([1], to: directory + "/step-500")
      symlink("step-500", directory + "/latest")
      try AtomicFile.write([2], to: directory + "/latest")
      #expect(try AtomicFile.contents(of: directory + "/step-500") == [2])
    }
  }

  @Test func readsAPipe() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(write(ends[1], bytes, bytes.count) == bytes.count)
    close(ends[1])
    defer { close(ends[0]) }
    #expect(try AtomicFile.contents(of: "/dev/fd/\(ends[0])") == bytes)
  }

  /// A descriptor of this process is read from its place, a socket too.
  @Test func readsTheRestOfADescriptor() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/file"
      try AtomicFile.write(Array(0..<100), to: path)
      let file = open(path, O_RDONLY)
      defer { close(file) }
      for name in ["/dev/fd/", "/proc/self/fd/"] {
        try #require(lseek(file, 60, SEEK_SET) == 60)
        #expect(try AtomicFile.contents(of: "\(name)\(file)") == Array(60..<100))
      }
      try #require(lseek(file, 90, SEEK_SET) == 90)
      var reader = try TokenReader("/dev/fd/\(file)", tokenizer: .bytes)
      #expect(try reader.tokens(upTo: 100) == Array(90..<100))

      var ends: [Int32] = [0, 0]
      try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
      defer { close(ends[0]) }
      #expect(write(ends[1], [1, 2, 3] as [UInt8], 3) == 3)
      close(ends[1])
      #expect(try AtomicFile.contents(of: "/dev/fd/\(ends[0])") == [1, 2, 3])
      #expect(throws: FileError(operation: "open", path: "/dev/fd/9999", code: EBADF)) {
        try AtomicFile.contents(of: "/dev/fd/9999")
      }
    }
  }

  @Test func saysWhyItCannotRead() throws {
    try withTemporaryDirectory { directory in
      #expect(throws: FileError(operation: "open", path: directory + "/none", code: ENOENT)) {
        try AtomicFile.contents(of: directory + "/none")
      }
      #expect(throws: FileError(operation: "read", path: directory, code: EISDIR)) {
        try AtomicFile.contents(of: directory)
      }
    }
  }

  @Test func saysWhyItCannotWrite() throws {
    try withTemporaryDirectory { directory in
      #expect(throws: FileError(operation: "open", path: directory + "/no/", code: ENOENT)) {
        try AtomicFile.write([1], to: directory + "/no/file")
      }
      #expect(throws: FileError(operation: "replace", path: directory, code: EISDIR)) {
        try AtomicFile.write([1], to: directory)
      }
      try AtomicFile.write([1], to: directory + "/file")
      #expect(throws: FileError(operation: "replace", path: directory + "/file/x", code: ENOTDIR)) {
        try AtomicFile.write([1], to: directory + "/file/x")
      }
      #expect(names(in: directory) == ["file"])
    }
    #expect(
      FileError(operation: "read", path: "/tmp", code: EISDIR).description
        == "cannot read /tmp: Is a directory")
  }

  @Test func leavesDevicesAlone() {
    #expect(throws: FileError(operation: "replace", path: "/dev/null", code: ENOTSUP)) {
      try AtomicFile.write([1], to: "/dev/null")
    }
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0))
  func reportsAFullDisk() throws {
    let full = try FileDescriptor(opening: "/dev/full", flags: O_WRONLY)
    #expect(throws: FileError(operation: "write", path: "/dev/full", code: ENOSPC)) {
      try full.append([1, 2, 3])
    }
  }

  /// A file size limit simulates a full disk: both cut a write short.
  @Test func keepsTheOldFileWhenTheNewOneDoesNotFit() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryDirectory { directory in
        let path = directory + "/file"
        try AtomicFile.write([1, 2, 3], to: path)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 1000, rlim_max: 1000)
        #if canImport(Darwin) || canImport(Musl)
          setrlimit(RLIMIT_FSIZE, &limit)
        #else
          setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #endif
        #expect(throws: FileError(operation: "write", path: path, code: EFBIG)) {
          try AtomicFile.write([UInt8](repeating: 7, count: 5000), to: path)
        }
        #expect(try AtomicFile.contents(of: path) == [1, 2, 3])
        #expect(names(in: directory) == ["file"])
      }
    }
  }
}
