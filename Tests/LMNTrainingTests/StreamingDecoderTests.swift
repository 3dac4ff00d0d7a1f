import LMN
import Testing

@Suite struct StreamingDecoderTests {
  @Test func wholeCharactersComeOutAtOnce() {
    var decoder = StreamingDecoder(.bytes)
    let pieces = "aé€😀".utf8.map { decoder.decode(Token($0)) }
    #expect(pieces == ["a", "", "é", "", "", "€", "", "", "", "😀"])
    #expect(decoder.finish() == "")
  }

  @Test func deadBytesComeOutAtOnce() {
    var decoder = StreamingDecoder(.bytes)
    #expect(
      [0xFF, 0xC0, 0x80, 0xF5].map { decoder.decode($0) } == Array(repeating: "\u{FFFD}", count: 4))
    #expect([0xE2, 0x82, 0x61].map { decoder.decode($0) } == ["", "", "\u{FFFD}a"])
    #expect([0xE0, 0x80].map { decoder.decode($0) } == ["", "\u{FFFD}\u{FFFD}"])
    #expect([0xF0, 0x9F, 0x98].map { decoder.decode($0) } == ["", "", ""])
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.finish() == "")
    #expect(decoder.decode(0x61) == "a")
  }

  /// All sequences of three boundary bytes of UTF-8, with continuations.
  @Test func streamingEqualsDecodingAtOnce() {
    let edges: [UInt8] = [
      0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4,
      0xF5,
    ]
    for first in edges {
      for second in edges {
        for third in edges {
          let bytes = [first, second, third, 0x80, 0x61]
          for end in 3...5 {
            var decoder = StreamingDecoder(.bytes)
            let text = bytes[..<end].map { decoder.decode(Token($0)) }.joined() + decoder.finish()
            let atOnce = String(decoding: bytes[..<end], as: UTF8.self)
            #expect(text.unicodeScalars.elementsEqual(atOnce.unicodeScalars), "\(bytes[..<end])")
          }
        }
      }
    }
  }

  @Test func characterTokensAreNeverHeldBack() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Array("e\u{301}😀".utf8)))
    var decoder = StreamingDecoder(tokenizer)
    #expect([0, 1, 2].map { decoder.decode($0) } == ["e", "\u{301}", "😀"])
  }
}
