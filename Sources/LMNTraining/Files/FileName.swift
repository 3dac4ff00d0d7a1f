#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Names of files as text, without loss.
///
/// A name is a sequence of bytes. Each byte that is not part of UTF-8 is in the text as a private-use
/// scalar of its own, and is that byte again where the system gets the name.
public enum FileName {
  /// Scalars of the bytes 0x80 to 0xFF, at the end of the last plane.
  private static let escapes: ClosedRange<UInt32> = 0x10_FF80...0x10_FFFF

  /// The text of a name.
  ///
  /// - Parameter bytes: The bytes of the name.
  /// - Returns: The text; that of a name in UTF-8 is the name.
  public static func text(of bytes: some Collection<UInt8>) -> String {
    var (text, rest) = (String.UnicodeScalarView(), Array(bytes)[...])
    while let first = rest.first {
      let scalar = (1...4).lazy.compactMap { only(in: rest.prefix($0)) }.first
      // Such a scalar in UTF-8 would be read as a byte.
      if let scalar, !escapes.contains(scalar.value) {
        text.append(scalar)
        rest = rest.dropFirst(scalar.utf8.count)
      } else {
        text.append(Unicode.Scalar(escapes.lowerBound + UInt32(first) - 0x80)!)
        rest = rest.dropFirst()
      }
    }
    return String(text)
  }

  /// The scalar of bytes that are one in UTF-8.
  private static func only(in bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    String(validating: bytes, as: UTF8.self).flatMap {
      $0.unicodeScalars.count == 1 ? $0.unicodeScalars.first : nil
    }
  }

  /// The bytes of a name.
  ///
  /// - Parameter text: The text of the name.
  /// - Returns: The bytes that ``text(of:)`` had.
  public static func bytes(of text: String) -> [UInt8] {
    text.unicodeScalars.flatMap { scalar in
      byte(of: scalar).map { [$0] } ?? Array(UTF8.encode(scalar)!)
    }
  }

  /// The byte that a scalar of a name's text is in place of; nil for any other scalar.
  public static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    escapes.contains(scalar.value) ? UInt8(scalar.value - escapes.lowerBound + 0x80) : nil
  }

  /// Path of the current directory.
  ///
  /// - Throws: `FileError` if it was removed.
  public static func currentDirectory() throws(FileError) -> String {
    guard let path = realpath(".", nil) else {
      throw FileError(operation: "open", path: ".", code: errno)
    }
    defer { free(path) }
    return text(of: path)
  }

  /// The text of a name that the system returned.
  static func text(of name: UnsafePointer<CChar>) -> String {
    text(of: UnsafeRawBufferPointer(start: name, count: strlen(name)))
  }
}

extension String {
  /// Calls `body` with the bytes of this name of a file.
  func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (FileName.bytes(of: self) + [0]).withUnsafeBytes {
      body($0.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }
}
