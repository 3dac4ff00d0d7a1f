public import FoundationEssentials

/// Runs `body` with the path of a new directory, which is then removed with its contents.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let name = "lmn-tests-\(String(UInt64.random(in: .min ... .max), radix: 16))"
  let path = FileManager.default.temporaryDirectory.appending(path: name).path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}

/// Sorted names of the entries of a directory.
public func names(in directory: String) -> [String] {
  (try? FileManager.default.contentsOfDirectory(atPath: directory))?.sorted() ?? []
}

/// Contents of the files in a directory and its subdirectories, by relative path.
public func files(in directory: String) throws -> [String: Data] {
  try FileManager.default.subpathsOfDirectory(atPath: directory).reduce(into: [:]) { files, name in
    files[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
  }
}
