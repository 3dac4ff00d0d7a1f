/// A file with a JSON object per line, which only grows.
package struct LineLog: ~Copyable {
  private let file: FileDescriptor

  /// Opens the file at `path`, or makes it.
  package init(appendingTo path: String) throws(FileError) {
    file = try FileDescriptor.appending(path)
  }

  /// Adds a line.
  package func append(_ record: some Encodable) throws {
    try file.append(Array((sortedJSON(record) + "\n").utf8)[...])
  }
}
