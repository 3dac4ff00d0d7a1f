/// Byte-order mark at the beginning of a file, by which some programs mark its encoding.
enum ByteOrderMark: String {
  case utf8 = "UTF-8"
  case utf16 = "UTF-16"
  case utf32 = "UTF-32"

  /// The mark at the beginning of a file; nil without one.
  init?(_ bytes: some Collection<UInt8>) {
    let marks: [(Self, [UInt8])] = [
      (.utf8, [0xEF, 0xBB, 0xBF]),
      // Before UTF-16, since the little-endian mark begins with that of UTF-16.
      (.utf32, [0xFF, 0xFE, 0, 0]), (.utf32, [0, 0, 0xFE, 0xFF]),
      (.utf16, [0xFF, 0xFE]), (.utf16, [0xFE, 0xFF]),
    ]
    guard let (mark, _) = marks.first(where: { bytes.starts(with: $0.1) }) else { return nil }
    self = mark
  }

  /// Throws if a text begins with the mark of another encoding than UTF-8.
  static func expectUTF8(_ text: some Collection<UInt8>) throws(TokenizerError) {
    if let mark = ByteOrderMark(text), mark != .utf8 {
      throw .otherEncoding(mark.rawValue)
    }
  }
}

extension Collection<UInt8> {
  /// The bytes after the byte-order mark of UTF-8, if they begin with it.
  var withoutMark: SubSequence { dropFirst(ByteOrderMark(self) == .utf8 ? 3 : 0) }
}

extension AtomicFile {
  /// The contents of a text file, without the byte-order mark of UTF-8.
  ///
  /// - Parameter path: The file to read; see ``contents(of:)``.
  /// - Returns: The bytes of the text, in any encoding.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public static func text(of path: String) throws(FileError) -> [UInt8] {
    let bytes = try contents(of: path)
    return ByteOrderMark(bytes) == .utf8 ? Array(bytes.withoutMark) : bytes
  }

  /// The contents of a text file that has to be UTF-8, without its byte-order mark.
  ///
  /// - Parameter path: The file to read; see ``contents(of:)``.
  /// - Returns: The text.
  /// - Throws: `FileError`, or an error that names the file where it is not UTF-8.
  public static func string(of path: String) throws -> String {
    let bytes = try text(of: path)
    return try naming(file: path) {
      try ByteOrderMark.expectUTF8(bytes)
      var characters = String.UnicodeScalarView()
      var decoder = CharacterDecoder()
      try decoder.decode(bytes) { characters.append($0) }
      try decoder.finish()
      return String(characters)
    }
  }
}
