/// JSON header of a safetensors file: metadata, and names and layouts of the tensors.
struct SafetensorsHeader {
  /// Range of a tensor in the data after the header.
  struct Layout {
    let name: String
    let type: Safetensors.ElementType
    let shape: [Int]
    let range: Range<Int>
  }

  /// Bytes of the header's length at the start of the file.
  static let prefixByteCount = 8

  /// Longest header, as in the format's reference reader.
  static let maximumByteCount = 100_000_000

  /// Key of the metadata.
  static let metadataName = "__metadata__"

  private(set) var metadata: [String: String] = [:]
  private(set) var layouts: [Layout] = []

  /// Length of the header of a file of `fileByteCount` bytes that starts with `prefix`.
  static func byteCount(
    prefix: ArraySlice<UInt8>, fileByteCount: Int, file: String?
  ) throws(SafetensorsError) -> Int {
    func malformed(_ problem: String) -> SafetensorsError {
      .malformed(
        file: file, tensor: nil,
        problem: ForeignFormat.problem(ofFileBeginning: prefix, file: file) ?? problem)
    }
    guard prefix.count == prefixByteCount else {
      throw malformed("\(fileByteCount) bytes are too few for a safetensors file")
    }
    let byteCount = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard byteCount <= maximumByteCount else {
      throw malformed("a header of \(byteCount) bytes exceeds the limit of \(maximumByteCount)")
    }
    guard byteCount <= fileByteCount - prefixByteCount else {
      throw malformed(
        "a header of \(byteCount) bytes does not fit into a file of \(fileByteCount) bytes")
    }
    return Int(byteCount)
  }

  /// Parses a header and checks it against the size of the data.
  init(
    parsing bytes: ArraySlice<UInt8>, dataByteCount: Int, file: String?
  ) throws(SafetensorsError) {
    var scanner = SafetensorsScanner(bytes, file: file)
    try scanner.scanMembers { scanner, name throws(SafetensorsError) in
      if name == Self.metadataName {
        try scanner.scanMembers { scanner, key throws(SafetensorsError) in
          metadata[key] = try scanner.scanString("a string as metadata \(key.quoted)")
        }
      } else {
        layouts.append(try scanner.scanLayout(name: name, dataByteCount: dataByteCount))
      }
    }
    try scanner.expectEnd()
    layouts.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try checkCoverage(dataByteCount: dataByteCount, file: file)
  }

  /// Throws unless the tensors cover the data without gaps and overlaps.
  private func checkCoverage(dataByteCount: Int, file: String?) throws(SafetensorsError) {
    var end = 0
    var previous = ""
    for layout in layouts {
      let begin = layout.range.lowerBound
      guard begin >= end else {
        throw .malformed(
          file: file, tensor: layout.name,
          problem: "begins at offset \(begin) and overlaps \(previous.quoted), which ends at \(end)"
        )
      }
      guard begin == end else {
        throw .malformed(
          file: file, tensor: layout.name,
          problem: "leaves a hole before it, from offset \(end) to \(begin)")
      }
      end = layout.range.upperBound
      previous = layout.name
    }
    guard end == dataByteCount else {
      throw .malformed(
        file: file, tensor: nil,
        problem: "the tensors end at offset \(end), but the data at offset \(dataByteCount)")
    }
  }

  /// Length, JSON text and padding to a multiple of 8 bytes.
  static func encoded(metadata: [String: String], entries: [Safetensors.Entry]) -> [UInt8] {
    var begin = 0
    let members = entries.map { entry in
      defer { begin += entry.bytes.count }
      let end = begin + entry.bytes.count
      return member(of: entry, details: ",\"data_offsets\":[\(begin),\(end)]")
    }
    var text = Array(text(metadata: metadata, members: members).utf8)
    text += repeatElement(UInt8(ascii: " "), count: -text.count & 7)
    precondition(
      text.count <= maximumByteCount,
      "a safetensors header of \(text.count) bytes exceeds the limit of \(maximumByteCount)")
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
  }

  /// JSON text of a header, without padding.
  static func text(metadata: [String: String], members: [String]) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
    let first = pairs.isEmpty ? [] : ["\(json(metadataName)):{\(pairs.joined(separator: ","))}"]
    return "{\((first + members).joined(separator: ","))}"
  }

  /// JSON text of a tensor's member: name, type, shape, and further `details`.
  static func member(of entry: Safetensors.Entry, details: String) -> String {
    let shape = entry.shape.map(String.init).joined(separator: ",")
    return "\(json(entry.name)):{\"dtype\":\"\(entry.type)\",\"shape\":[\(shape)]\(details)}"
  }

  private static func json(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}
