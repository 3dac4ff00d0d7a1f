public import FoundationEssentials

/// Runs `body` with the path of a new directory, which is gone afterwards with all that is in it.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let name = "lmn-tests-\(String(UInt64.random(in: .min ... .max), radix: 16))"
  let path = FileManager.default.temporaryDirectory.appending(path: name).path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}

/// What a directory holds, in order.
public func names(in directory: String) -> [String] {
  (try? FileManager.default.contentsOfDirectory(atPath: directory))?.sorted() ?? []
}

/// The files in a directory and below, with their bytes.
public func files(in directory: String) throws -> [String: Data] {
  try FileManager.default.subpathsOfDirectory(atPath: directory).reduce(into: [:]) { files, name in
    files[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
  }
}
