import LMN
import LMNTestSupport
import Testing

@Suite struct FileNameTests {
  @Test func keepsBytes() {
    var generator = SeededGenerator(seed: 1)
    // Beginnings of UTF-8 sequences, their later bytes, the scalars that stand for bytes, and ASCII.
    let pieces: [[UInt8]] =
      [
        [0x61], [0xC3], [0xA9], [0xC3, 0xA9], [0xE2, 0x82], [0xF0, 0x9F, 0x98, 0x80], [0xFF],
        [0xC0],
      ]
      + [
        [0xF4, 0x8F, 0xBE, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x8F, 0xBD, 0xBF], [0xED, 0xA0],
      ]
    for _ in 0..<2000 {
      let bytes = (0..<generator.integer(below: 8)).flatMap { _ in
        pieces[generator.integer(below: pieces.count)]
      }
      #expect(FileName.bytes(of: FileName.text(of: bytes)) == bytes)
    }
  }

  @Test func keepsText() {
    for text in ["", "text", "caf\u{E9}", "\u{1F600}/\u{FFFD}", "\r\n", "e\u{301}"] {
      #expect(FileName.text(of: Array(text.utf8)) == text)
      #expect(FileName.bytes(of: text) == Array(text.utf8))
    }
  }

  @Test func bytesThatAreNotUTF8AreScalarsOfTheirOwn() {
    #expect(FileName.text(of: [0x61, 0xE9, 0x2F]) == "a\u{10FFE9}/")
    #expect(FileName.byte(of: "\u{10FF80}") == 0x80)
    #expect(FileName.byte(of: "a") == nil)
  }
}
