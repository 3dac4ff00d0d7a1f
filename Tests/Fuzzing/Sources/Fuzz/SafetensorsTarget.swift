import LMN

/// Reader of safetensors files.
struct SafetensorsTarget: FuzzTarget {
  static let name = "safetensors"

  func seeds() -> [[UInt8]] {
    var file = Safetensors(metadata: ["format": "pt", "\u{1}\"\\/ü🙂": "line\n"])
    file.append("floats", shape: [2, 3], floats: [1, -2, .infinity, .nan, -0.0, 0x1p-126])
    file.append("scalar", shape: [], floats: [1])
    file.append("empty", shape: [0, 7], floats: [])
    file.append("integers", shape: [2], integers: [.min, .max])
    let types = """
      {"half":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}, "e\\u0301\\ud83d\\ude42" : {
      "data_offsets" : [ 4 , 12 ], "shape" : [ 1 ] , "dtype" : "F64" },
      "bf":{"dtype":"BF16","shape":[1],"data_offsets":[12,14]}}
      """
    return [
      file.encoded(), Safetensors().encoded(), splitForm(of: file.encoded()),
      Array(types.utf8) + [0xFF] + Array(repeating: 0x7C, count: 14),
    ]
  }

  func check(_ input: [UInt8]) {
    guard let file = try? Safetensors(decoding: safetensors(fromSplitForm: input)) else { return }
    let written = file.encoded()
    let again: Safetensors
    do { again = try Safetensors(decoding: written) } catch {
      fatalError("what was written is refused: \(error)")
    }
    expect(again.encoded() == written, "written again, it differs")
    // Strings are compared by bytes: their own equality is that of normalized text.
    func bytes(_ metadata: [String: String]) -> [[UInt8]: [UInt8]] {
      Dictionary(uniqueKeysWithValues: metadata.map { (Array($0.utf8), Array($1.utf8)) })
    }
    expect(bytes(again.metadata) == bytes(file.metadata), "the metadata differ")
    expect(
      again.entries.map { Array($0.name.utf8) } == file.entries.map { Array($0.name.utf8) },
      "the names differ")
    for entry in file.entries {
      expect(again[entry.name] == entry, "\(entry.name) differs")
      let elements = entry.shape.reduce(1, *)
      expect(elements * entry.type.byteCount == entry.bytes.count, "\(entry.name) has other bytes")
      for count in [
        try? file.floats(entry.name).values.count, try? file.integers(entry.name).values.count,
        try? file.roundedFloats(entry.name).values.count,
      ] {
        expect(count ?? elements == elements, "\(entry.name) has \(count ?? 0) elements")
      }
    }
  }
}

/// The file of an input in split form: header, a byte 0xFF, data.
///
/// The byte 0xFF, which UTF-8 does not have, replaces the length of the header, so that mutations of
/// the header need not agree with it. An input that does not begin with `{` is a file already.
func safetensors(fromSplitForm input: [UInt8]) -> [UInt8] {
  guard input.first == UInt8(ascii: "{") else { return input }
  let header = input.prefix { $0 != 0xFF }
  return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
    + input.dropFirst(header.count + 1)
}

/// The split form of a file, without its checksums, with which nearly all mutations would be refused.
func splitForm(of file: [UInt8]) -> [UInt8] {
  let count = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  let header = String(decoding: file[8..<8 + count], as: UTF8.self)
    .replacing(/,"lmn_crc32[^"]*":"[0-9a-f]{8}"/, with: "")
    .replacing(/"lmn_crc32[^"]*":"[0-9a-f]{8}",?/, with: "")
  return header.utf8 + [0xFF] + file[(8 + count)...]
}
