/// Append-only file with one JSON object per line.
package struct LineLog: ~Copyable {
  private let file: FileDescriptor

  /// Opens the file at `path`, created if missing.
  package init(appendingTo path: String) throws(FileError) {
    file = try FileDescriptor.appending(path)
  }

  /// Appends a line.
  package func append(_ record: some Encodable) throws {
    try file.append(Array((sortedJSON(record) + "\n").utf8)[...])
  }
}
