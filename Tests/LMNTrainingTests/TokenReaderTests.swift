import Foundation
import LMN
import LMNTestSupport
import Testing

@Suite struct TokenReaderTests {
  /// Several pieces of a file, with characters of three bytes across all cuts.
  private static let text = Array(String(repeating: "né €\n", count: 30_000).utf8)

  private func write(_ text: [UInt8], in directory: String) throws -> String {
    let path = directory + "/text"
    try AtomicFile.write(text, to: path)
    return path
  }

  @Test(arguments: [1_000, 65_536, 1_000_000])
  func givesAllTokensInOrder(count: Int) throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Self.text))
    try withTemporaryDirectory { directory in
      var reader = try TokenReader(write(Self.text, in: directory), tokenizer: tokenizer)
      var (tokens, sizes): ([Token], [Int]) = ([], [])
      while true {
        let piece = try reader.tokens(upTo: count)
        if piece.isEmpty { break }
        sizes.append(piece.count)
        tokens += piece
      }
      #expect(tokens == (try tokenizer.encode(Self.text)))
      #expect(sizes.dropLast().allSatisfy { $0 == count })
      #expect(try reader.tokens(upTo: count).isEmpty)
    }
  }

  /// Pieces from a pipe may end anywhere.
  @Test func readsPipes() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Self.text))
    let pipe = Pipe()
    let writer = Thread {
      for begin in stride(from: 0, to: Self.text.count, by: 10_007) {
        let piece = Self.text[begin..<min(begin + 10_007, Self.text.count)]
        try? pipe.fileHandleForWriting.write(contentsOf: Data(piece))
      }
      try? pipe.fileHandleForWriting.close()
    }
    writer.start()
    var reader = try TokenReader(
      "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)", tokenizer: tokenizer)
    var tokens: [Token] = []
    for _ in 0..<4 { tokens += try reader.tokens(upTo: 60_000) }
    #expect(tokens == (try tokenizer.encode(Self.text)))
  }

  @Test func errorsNameThePlaceInTheWholeFile() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Self.text))
    func error(in text: [UInt8]) throws -> (any Error)? {
      try withTemporaryDirectory { directory in
        var reader = try TokenReader(write(text, in: directory), tokenizer: tokenizer)
        return #expect(throws: TokenizerError.self) {
          while try !reader.tokens(upTo: 1_000).isEmpty {}
        }
      }
    }
    let count = Self.text.count
    let ends: [(bytes: [UInt8], offset: Int)] = [
      ([0xFF, 0x61], count), ([0xE2, 0x82], count), ([0x0A, 0x80], count + 1),
    ]
    for (end, offset) in ends {
      #expect(
        try error(in: Self.text + end) as? TokenizerError == .invalidUTF8(byteOffset: offset))
    }
    #expect(
      try error(in: Self.text + Array("nn?".utf8)) as? TokenizerError
        == .unknownCharacter("?", offset: 150_002, line: 30_001, column: 3))
  }

  @Test func filesThatCannotBeReadAreNamed() {
    for (path, sentence) in [
      ("/none", "cannot open /none: No such file or directory"),
      ("/dev", "cannot read /dev: Is a directory"),
    ] {
      let error = #expect(throws: FileError.self) {
        _ = try TokenReader(path, tokenizer: .bytes)
      }
      #expect(error?.description == sentence)
    }
  }
}
