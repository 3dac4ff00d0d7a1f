import LMNTestSupport
import LMNTraining
import Testing

/// An invalid header, the number of data bytes after it, and a part of the error.
struct MalformedFile: Sendable, CustomTestStringConvertible {
  let header: String
  let dataByteCount: Int
  let sentence: String

  init(_ header: String, data: Int = 0, _ sentence: String) {
    self.header = header
    self.dataByteCount = data
    self.sentence = sentence
  }

  /// A header with one tensor `x`.
  static func tensor(_ members: String, data: Int = 4, _ sentence: String) -> MalformedFile {
    MalformedFile("{\"x\":{\(members)}}", data: data, sentence)
  }

  /// A header with one tensor `x` of this shape, type and offsets.
  static func tensor(
    type: String = "F32", shape: String = "[1]", offsets: String = "[0,4]", data: Int = 4,
    _ sentence: String
  ) -> MalformedFile {
    tensor(
      "\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)", data: data, sentence)
  }

  /// A header with two byte tensors, `a` and `b`.
  static func pair(_ a: Range<Int>, _ b: Range<Int>, data: Int, _ sentence: String)
    -> MalformedFile
  {
    func entry(_ range: Range<Int>) -> String {
      """
      {"dtype":"U8","shape":[\(range.count)],"data_offsets":[\(range.lowerBound),\(range.upperBound)]}
      """
    }
    return MalformedFile("{\"a\":\(entry(a)),\"b\":\(entry(b))}", data: data, sentence)
  }

  var bytes: [UInt8] {
    file(header: Array(header.utf8), dataByteCount: dataByteCount)
  }

  var testDescription: String {
    "\(header.prefix(60)) → \(sentence)"
  }

  static let syntax: [MalformedFile] = [
    MalformedFile("", "the header has its end at byte 8 instead of '{'"),
    MalformedFile(" {}", "the header has ' ' at byte 8 instead of '{'"),
    MalformedFile("[]", "the header has '[' at byte 8 instead of '{'"),
    MalformedFile("{} x", "the header has 'x' at byte 11 instead of the end"),
    MalformedFile("{}\0", "instead of the end"),
    MalformedFile("{", "has its end at byte 9 instead of a key"),
    MalformedFile("{,}", "has ',' at byte 9 instead of a key"),
    MalformedFile("{é}", "has byte 0xc3 at byte 9 instead of a key"),
    MalformedFile("{\"x\"}", "has '}' at byte 12 instead of ':'"),
    MalformedFile("{\"x\":null}", "tensor 'x' has 'n' at byte 13 instead of '{'"),
    MalformedFile("{\"x\":{}", "has no dtype"),
    MalformedFile("{\"x", "has a string at byte 9 that does not end"),
    MalformedFile("{\"x\\", "has a wrong escape at byte 11"),
    MalformedFile("{\"\\x41\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"\\u12g4\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"\\u+123\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"\\ud83d\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"\\ud83d\\u0041\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"\\ude00\":{}}", "has a wrong escape at byte 10"),
    MalformedFile("{\"a\nb\":{}}", "has a control character in the string at byte 9"),
    MalformedFile(String(repeating: "[", count: 100_000), "has '[' at byte 8 instead of '{'"),
    MalformedFile(
      String(repeating: "{\"x\":", count: 100_000), "tensor 'x' has the unknown key 'x'"),
    .tensor(
      shape: String(repeating: "[", count: 100_000),
      "tensor 'x' has '[' at byte 37 instead of a number in shape"),
  ]

  static let metadata: [MalformedFile] = [
    MalformedFile(#"{"__metadata__":[]}"#, "has '[' at byte 24 instead of '{'"),
    MalformedFile(#"{"__metadata__":null}"#, "has 'n' at byte 24 instead of '{'"),
    MalformedFile(#"{"__metadata__":{"step":1}}"#, "instead of a string as metadata 'step'"),
    MalformedFile(#"{"__metadata__":{"a":{}}}"#, "instead of a string as metadata 'a'"),
    MalformedFile(#"{"__metadata__":{"a":"1","a":"1"}}"#, "the header has the key 'a' twice"),
    MalformedFile(#"{"__metadata__":{"a":"1",}}"#, "has '}' at byte 33 instead of a key"),
    MalformedFile(
      #"{"__metadata__":{},"__metadata__":{}}"#, "the header has the key '__metadata__' twice"),
  ]

  static let entries: [MalformedFile] = [
    .tensor(#""dtype":"F32","shape":[1]"#, "tensor 'x' has no data_offsets"),
    .tensor(#""dtype":"F32","data_offsets":[0,4]"#, "tensor 'x' has no shape"),
    .tensor(#""shape":[1],"data_offsets":[0,4]"#, "tensor 'x' has no dtype"),
    .tensor(#""dtype":"F32","dtype":"F32""#, "tensor 'x' has the key 'dtype' twice"),
    .tensor(#""dtype":"F32","d\u0074ype":"F32""#, "tensor 'x' has the key 'dtype' twice"),
    .tensor(#""strides":[1]"#, "tensor 'x' has the unknown key 'strides'"),
    .tensor(#""dtype":32"#, "tensor 'x' has '3' at byte 22 instead of a string as dtype"),
    .tensor(type: "F33", "tensor 'x' has the unknown dtype 'F33'"),
    .tensor(type: "f32", "tensor 'x' has the unknown dtype 'f32'"),
    .tensor(type: "F4", "tensor 'x' has the unknown dtype 'F4'"),
    MalformedFile(
      """
      {"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},
       "\\u0078":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}
      """, "the header has the key 'x' twice"),
  ]

  static let numbers: [MalformedFile] =
    ["-1", "-0", "1.0", "1e0", "01", "0x1", "9223372036854775808", "true", "null"].map {
      .tensor(shape: "[1,\($0)]", "tensor 'x' has '\($0)' in its shape instead of a whole number")
    } + [
      .tensor(shape: "[+1]", "has '+1' in its shape"),
      .tensor(shape: "[\"1\"]", "instead of a number in shape"),
      .tensor(shape: "[1,]", "has ']' at byte 39 instead of a number in shape"),
      .tensor(shape: "[1 1]", "has '1' at byte 39 instead of ']'"),
      .tensor(shape: "1", "has '1' at byte 36 instead of '['"),
      .tensor(
        shape: "[\(Array(repeating: "1", count: 65).joined(separator: ","))]",
        "has more than 64 numbers as shape"),
      .tensor(
        shape: "[4294967296,4294967296]",
        "of shape [4294967296, 4294967296] and type F32 needs more bytes than can be counted"),
      .tensor(
        shape: "[4611686018427387904]",
        "of shape [4611686018427387904] and type F32 needs more bytes than can be counted"),
      .tensor(offsets: "[0,99999999999999999999]", "in its data_offsets"),
      .tensor(offsets: "[0,-4]", "has '-4' in its data_offsets"),
      .tensor(offsets: "[0]", "has data_offsets [0] instead of 2 numbers"),
      .tensor(offsets: "[0,4,4]", "has data_offsets [0, 4, 4] instead of 2 numbers"),
    ]

  static let places: [MalformedFile] = [
    .tensor(
      shape: "[65]", offsets: "[0,256]", data: 256,
      "tensor 'x' of shape [65] and type F32 needs 260 bytes, its offsets hold 256"),
    .tensor(
      type: "BF16", shape: "[]", "of shape [] and type BF16 needs 2 bytes, its offsets hold 4"),
    .tensor(shape: "[7,0]", "of shape [7, 0] and type F32 needs 0 bytes, its offsets hold 4"),
    .tensor(offsets: "[4,0]", "tensor 'x' has reversed data_offsets [4, 0]"),
    .tensor(offsets: "[0,8]", "tensor 'x' has data_offsets [0, 8] beyond the 4 bytes of data"),
    .tensor(
      offsets: "[9223372036854775803,9223372036854775807]", "beyond the 4 bytes of data"),
    .tensor(data: 7, "the tensors end at offset 4, but the data at offset 7"),
    MalformedFile("{}", data: 1, "the tensors end at offset 0, but the data at offset 1"),
    .tensor(
      offsets: "[2,6]", data: 6,
      "tensor 'x' leaves a hole before it, from offset 0 to 2"),
    .pair(0..<4, 3..<8, data: 8, "tensor 'b' begins at offset 3 and overlaps 'a', which ends at 4"),
    .pair(3..<8, 0..<4, data: 8, "tensor 'a' begins at offset 3 and overlaps 'b', which ends at 4"),
    .pair(0..<8, 0..<8, data: 8, "begins at offset 0 and overlaps"),
    .pair(0..<8, 4..<4, data: 8, "tensor 'b' begins at offset 4 and overlaps 'a'"),
    .pair(0..<4, 6..<8, data: 8, "tensor 'b' leaves a hole before it, from offset 4 to 6"),
  ]
}

/// A file with this header, followed by zero bytes.
private func file(header: [UInt8], dataByteCount: Int = 0) -> [UInt8] {
  let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
  return length + header + [UInt8](repeating: 0, count: dataByteCount)
}

private func decodingError(_ bytes: [UInt8]) -> String? {
  do throws(SafetensorsError) {
    _ = try Safetensors(decoding: bytes, file: "model.safetensors")
    return nil
  } catch {
    return error.description
  }
}

private let goldenFiles: [String] = {
  let directory = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Goldens"
  return names(in: directory).filter { $0.hasSuffix(".safetensors") }.map { "\(directory)/\($0)" }
}()

private func sample() -> Safetensors {
  var sample = Safetensors(metadata: ["step": "500", "a \"b\"\n\\": "é 😀\u{1}"])
  sample.append(
    "weight", shape: [2, 3], floats: [1, -2.5, .infinity, 0, -0.0, .leastNonzeroMagnitude])
  sample.append("ids", shape: [3], integers: [0, -1, .max])
  sample.append("empty", shape: [0, 5], floats: [])
  sample.append("loss \u{7}/é", shape: [], floats: [0.25])
  return sample
}

/// A file with its checksums replaced by spaces.
func withoutChecksums(_ file: [UInt8]) -> [UInt8] {
  let count = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  let header = String(decoding: file[8..<8 + count], as: UTF8.self)
    .replacing(/,"lmn_crc32[^"]*":"[0-9a-f]{8}"/) {
      String(repeating: " ", count: $0.output.utf8.count)
    }
  return Array(file[..<8]) + header.utf8 + file[(8 + count)...]
}

@Suite struct SafetensorsTests {
  @Test func roundTrips() throws {
    let decoded = try Safetensors(decoding: sample().encoded())
    #expect(decoded.metadata == sample().metadata)
    #expect(decoded.entries == sample().entries)
    let (shape, values) = try decoded.floats("weight")
    #expect(shape == [2, 3])
    #expect(values == [1, -2.5, .infinity, 0, -0.0, .leastNonzeroMagnitude])
    #expect(values[4].sign == .minus)
    #expect(try decoded.integers("ids").values == [0, -1, .max])
    #expect(try decoded.floats("empty").values == [])
    #expect(try decoded.floats("loss \u{7}/é").shape == [])
    #expect(decoded["ids"]?.type == .i64)
    #expect(decoded["none"] == nil)
  }

  @Test func roundTripsThroughAFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/model.safetensors"
      try sample().write(to: path)
      #expect(try AtomicFile.contents(of: path) == sample().encoded())
      #expect(try Safetensors(contentsOf: path).entries == sample().entries)
    }
  }

  @Test func encodesDeterministically() {
    var file = Safetensors(metadata: ["b": "2", "a": "1"])
    file.append("y", shape: [1], floats: [1])
    file.append("x", shape: [1], integers: [2])
    // The checksums are those of Python's zlib.
    let header =
      #"{"__metadata__":{"a":"1","b":"2","lmn_crc32":"0d7f4b7b","lmn_crc32.x":"2707d814","#
      + #""lmn_crc32.y":"aca16a6a"},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
      + #""x":{"dtype":"I64","shape":[1],"data_offsets":[4,12]}}"#
    let padding = String(repeating: " ", count: -header.utf8.count & 7)
    let encoded = file.encoded()
    #expect(encoded[0] == UInt8(header.utf8.count + padding.count))
    #expect(encoded.dropFirst(8).starts(with: (header + padding).utf8))
    #expect(encoded.count == 8 + header.utf8.count + padding.count + 12)
    #expect(encoded.suffix(12) == [0, 0, 128, 63, 2, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func readsWhatOthersWrite() throws {
    let header = """
      {\n\t"b\\u00e9\\ud83d\\ude00\\/\\n" : { "data_offsets" : [ 2 , 4 ] , "dtype" : "BF16" ,
      "shape" : [ ] } , "a" : {"shape":[2],"dtype":"BOOL","data_offsets":[0,2]}}\r\n\u{20}
      """
    let decoded = try Safetensors(decoding: file(header: Array(header.utf8), dataByteCount: 4))
    #expect(decoded.entries.map(\.name) == ["a", "bé😀/\n"])
    #expect(decoded.entries.map(\.type) == [.bool, .bf16])
    #expect(decoded.entries.map(\.shape) == [[2], []])
  }

  @Test(
    arguments: MalformedFile.syntax + MalformedFile.metadata + MalformedFile.entries
      + MalformedFile.numbers + MalformedFile.places)
  func refuses(_ malformed: MalformedFile) throws {
    let description = try #require(decodingError(malformed.bytes))
    #expect(description.hasPrefix("model.safetensors: "))
    #expect(description.contains(malformed.sentence))
    #expect(description.utf8.count < 1000)
  }

  @Test func refusesTextThatIsNotUTF8() throws {
    let name = Array("{\"".utf8) + [0xC3, 0x28] + Array("\":{}}".utf8)
    #expect(
      decodingError(file(header: name))
        == "model.safetensors: the header has a string at byte 9 that is not UTF-8")
    let surrogate = Array("{\"".utf8) + [0xED, 0xA0, 0x80] + Array("\":{}}".utf8)
    #expect(try #require(decodingError(file(header: surrogate))).contains("not UTF-8"))
  }

  @Test(arguments: [
    ([], "0 bytes are too few for a safetensors file"),
    ([0, 0, 0, 0, 0, 0, 0], "7 bytes are too few"),
    ([3, 0, 0, 0, 0, 0, 0, 0, 123, 125], "a header of 3 bytes does not fit into a file of 10"),
    ([0, 225, 245, 5, 0, 0, 0, 0], "a header of 100000000 bytes does not fit"),
    ([1, 225, 245, 5, 0, 0, 0, 0], "a header of 100000001 bytes exceeds the limit"),
    ([255, 255, 255, 255, 255, 255, 255, 255], "a header of 18446744073709551615 bytes exceeds"),
  ])
  func refusesLengths(_ bytes: [UInt8], sentence: String) throws {
    #expect(try #require(decodingError(bytes)).contains(sentence))
  }

  @Test(arguments: goldenFiles)
  func keepsGoldenFiles(path: String) throws {
    let golden = try Safetensors(contentsOf: path)
    let again = try Safetensors(decoding: golden.encoded())
    #expect(again.entries == golden.entries)
    #expect(again.metadata == golden.metadata)
  }

  @Test func namesWhatIsMissingOrOfAnotherType() throws {
    let file = try Safetensors(decoding: sample().encoded(), file: "model.safetensors")
    #expect {
      try file.floats("bias")
    } throws: {
      "\($0)" == "model.safetensors: there is no tensor 'bias'"
    }
    #expect {
      try file.floats("ids")
    } throws: {
      "\($0)" == "model.safetensors: tensor 'ids' is of type I64, not F32"
    }
    #expect(
      throws: SafetensorsError.mismatchedType(
        file: "model.safetensors", tensor: "weight", expected: .i64, found: .f32)
    ) {
      try file.integers("weight")
    }
  }

  @Test func namesTheFileThatCannotBeRead() throws {
    try withTemporaryDirectory { directory in
      #expect {
        try Safetensors(contentsOf: directory + "/none")
      } throws: {
        "\($0)" == "cannot open \(directory)/none: No such file or directory"
      }
      #expect {
        try Safetensors(contentsOf: directory)
      } throws: {
        "\($0)" == "cannot read \(directory): Is a directory"
      }
      let path = directory + "/text"
      try AtomicFile.write(Array("some text".utf8), to: path)
      #expect {
        try Safetensors(contentsOf: path)
      } throws: {
        "\($0)" == "\(path): it is a text, not safetensors"
      }
    }
  }

  @Test func trapsOnATakenName() async {
    await #expect(processExitsWith: .failure) {
      var file = Safetensors()
      file.append("x", shape: [1], floats: [1])
      file.append("x", shape: [1], floats: [1])
    }
  }

  @Test func trapsOnAShapeThatDoesNotFit() async {
    await #expect(processExitsWith: .failure) {
      var file = Safetensors()
      file.append("x", shape: [2, 2], floats: [1, 2, 3])
    }
  }

  @Test func refusesEveryTruncation() {
    let bytes = sample().encoded()
    for count in 0..<bytes.count {
      #expect(decodingError(Array(bytes.prefix(count))) != nil, "cut to \(count) bytes")
    }
  }

  @Test(arguments: [1, 2, 3, UInt64.random(in: 4 ... .max)])
  func survivesMutations(seed: UInt64) throws {
    print("Safetensors mutations with seed \(seed)")
    var generator = SplitMix64(state: seed)
    // With checksums, nearly all mutations would be refused for them.
    let original = withoutChecksums(sample().encoded())
    let telling = Array("{}[]\":,\\ue-019 \u{0}".utf8) + [0x80, 0xC3, 0xFF]
    for _ in 0..<500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[position] = .random(in: 0...255, using: &generator)
        case 1: bytes[position] = telling.randomElement(using: &generator)!
        case 2: bytes.insert(telling.randomElement(using: &generator)!, at: position)
        default: bytes.remove(at: position)
        }
      }
      guard let decoded = try? Safetensors(decoding: bytes) else { continue }
      for entry in decoded.entries {
        _ = try? decoded.floats(entry.name)
        _ = try? decoded.integers(entry.name)
      }
      #expect(try Safetensors(decoding: decoded.encoded()).entries == decoded.entries)
    }
  }
}

/// A seeded generator, so that failures can be reproduced.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
