/// Parser of the JSON subset that a header may use.
///
/// The nesting depth of the subset is fixed, so no input can cause a recursion. Each token includes
/// the white space after it; none is allowed before the first.
struct SafetensorsScanner {
  /// Upper limit of dimensions, above those of NumPy and PyTorch.
  private static let maximumRank = 64

  private let bytes: ArraySlice<UInt8>
  private let file: String?
  private var position: Int
  private var tensor: String?

  init(_ bytes: ArraySlice<UInt8>, file: String?) {
    self.bytes = bytes
    self.file = file
    position = bytes.startIndex
  }

  // MARK: Header

  /// Parses `{"key": value, …}`; `scanValue` parses each value.
  mutating func scanMembers(
    scanValue: (inout Self, String) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    try expect("{")
    guard !accept("}") else { return }
    var keys: Set<String> = []
    repeat {
      let key = try scanString("a key")
      guard keys.insert(key).inserted else { throw malformed("has the key \(key.quoted) twice") }
      try expect(":")
      try scanValue(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// Parses the entry of a tensor and checks it, except against other entries.
  mutating func scanLayout(
    name: String, dataByteCount: Int
  ) throws(SafetensorsError) -> SafetensorsHeader.Layout {
    tensor = name
    defer { tensor = nil }
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanMembers { scanner, key throws(SafetensorsError) in
      switch key {
      case "dtype": typeName = try scanner.scanString("a string as dtype")
      case "shape": shape = try scanner.scanSizes(of: key)
      case "data_offsets": offsets = try scanner.scanSizes(of: key)
      default: throw scanner.malformed("has the unknown key \(key.quoted)")
      }
    }
    guard let typeName else { throw malformed("has no dtype") }
    guard let shape else { throw malformed("has no shape") }
    guard let offsets else { throw malformed("has no data_offsets") }
    guard let type = Safetensors.ElementType(rawValue: typeName) else {
      throw malformed("has the unknown dtype \(typeName.quoted)")
    }
    guard offsets.count == 2 else {
      throw malformed("has data_offsets \(offsets) instead of 2 numbers")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else { throw malformed("has reversed data_offsets \(offsets)") }
    guard end <= dataByteCount else {
      throw malformed("has data_offsets \(offsets) beyond the \(dataByteCount) bytes of data")
    }
    guard let byteCount = type.byteCount(shape: shape) else {
      throw malformed("of shape \(shape) and type \(type) needs more bytes than can be counted")
    }
    guard byteCount == end - begin else {
      throw malformed(
        "of shape \(shape) and type \(type) needs \(byteCount) bytes,"
          + " its offsets hold \(end - begin)")
    }
    return SafetensorsHeader.Layout(name: name, type: type, shape: shape, range: begin..<end)
  }

  /// Throws unless the end of the header is reached.
  func expectEnd() throws(SafetensorsError) {
    guard next == nil else { throw unexpected("the end") }
  }

  // MARK: Values

  private mutating func scanSizes(of key: String) throws(SafetensorsError) -> [Int] {
    try expect("[")
    guard !accept("]") else { return [] }
    var sizes: [Int] = []
    repeat {
      guard sizes.count < Self.maximumRank else {
        throw malformed("has more than \(Self.maximumRank) numbers as \(key)")
      }
      sizes.append(try scanSize(of: key))
    } while accept(",")
    try expect("]")
    return sizes
  }

  private mutating func scanSize(of key: String) throws(SafetensorsError) -> Int {
    let token = bytes[position...].prefix { byte in
      switch UnicodeScalar(byte) {
      case "0"..."9", "a"..."z", "A"..."Z", "+", "-", ".": true
      default: false
      }
    }
    guard !token.isEmpty else { throw unexpected("a number in \(key)") }
    let text = String(decoding: token, as: UTF8.self)
    // Converted back, which excludes forms that `Int` accepts but JSON does not, such as +1 and
    // 007.
    guard let size = Int(text), size >= 0, String(size) == text else {
      throw malformed("has \(text.quoted) in its \(key) instead of a whole number below 2^63")
    }
    position = token.endIndex
    skipSpace()
    return size
  }

  /// Parses a string; errors name it by `what`.
  mutating func scanString(_ what: String) throws(SafetensorsError) -> String {
    guard next == "\"" else { throw unexpected(what) }
    let start = place
    position += 1
    var text: [UInt8] = []
    while let character = next {
      switch character {
      case "\"":
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("has a string at \(start) that is not UTF-8")
        }
        position += 1
        skipSpace()
        return string
      case "\\":
        text += try scanEscape().utf8
      case "\0"..<" ":
        throw malformed("has a control character in the string at \(start)")
      default:
        text.append(bytes[position])
        position += 1
      }
    }
    throw malformed("has a string at \(start) that does not end")
  }

  private mutating func scanEscape() throws(SafetensorsError) -> UnicodeScalar {
    let start = place
    position += 1
    let letter = next
    position += letter == nil ? 0 : 1
    switch letter {
    case "\"": return "\""
    case "\\": return "\\"
    case "/": return "/"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u":
      if let scalar = scanUnicodeEscape() { return scalar }
      fallthrough
    default:
      throw malformed("has a wrong escape at \(start)")
    }
  }

  /// Parses the digits after `\u`, and a second escape for the other half of a surrogate pair.
  private mutating func scanUnicodeEscape() -> UnicodeScalar? {
    guard let unit = scanFourDigits() else { return nil }
    guard UTF16.isLeadSurrogate(unit) else { return UnicodeScalar(unit) }
    guard bytes[position...].starts(with: "\\u".utf8) else { return nil }
    position += 2
    guard let trail = scanFourDigits(), UTF16.isTrailSurrogate(trail) else { return nil }
    return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
  }

  private mutating func scanFourDigits() -> UInt16? {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
      return nil
    }
    position += 4
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  // MARK: Tokens

  private var next: UnicodeScalar? {
    position < bytes.endIndex ? UnicodeScalar(bytes[position]) : nil
  }

  private mutating func skipSpace() {
    while let next, next == " " || next == "\n" || next == "\r" || next == "\t" {
      position += 1
    }
  }

  private mutating func accept(_ mark: UnicodeScalar) -> Bool {
    guard next == mark else { return false }
    position += 1
    skipSpace()
    return true
  }

  private mutating func expect(_ mark: UnicodeScalar) throws(SafetensorsError) {
    guard accept(mark) else { throw unexpected("'\(mark)'") }
  }

  // MARK: Errors

  /// Byte offset in the file (not in the header), for errors.
  private var place: String {
    "byte \(position - bytes.startIndex + SafetensorsHeader.prefixByteCount)"
  }

  private func unexpected(_ expected: String) -> SafetensorsError {
    let found = next.map {
      $0.isASCII ? String($0).quoted : "byte 0x\(String($0.value, radix: 16))"
    }
    return malformed("has \(found ?? "its end") at \(place) instead of \(expected)")
  }

  private func malformed(_ problem: String) -> SafetensorsError {
    .malformed(file: file, tensor: tensor, problem: (tensor == nil ? "the header " : "") + problem)
  }
}
