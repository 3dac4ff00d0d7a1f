import LMN
import Testing

@Suite struct StreamingEncoderTests {
  /// Tokens or error of encoding a text in pieces.
  private func encode(
    _ text: [UInt8], cutAt cuts: [Int], _ tokenizer: Tokenizer
  ) -> Result<[Token], TokenizerError> {
    var encoder = StreamingEncoder(tokenizer)
    var tokens: [Token] = []
    do throws(TokenizerError) {
      for (begin, end) in zip([0] + cuts, cuts + [text.count]) {
        tokens += try encoder.encode(Array(text[begin..<end]))
      }
      try encoder.finish()
    } catch {
      return .failure(error)
    }
    return .success(tokens)
  }

  @Test func textsMayBeCutAnywhere() throws {
    let text = Array(TokenizerTests.hardText.utf8)
    for tokenizer in [Tokenizer.bytes, .characters(try Vocabulary(of: text))] {
      let expected = Result<[Token], TokenizerError>.success(try tokenizer.encode(text))
      for first in 0...text.count {
        #expect(encode(text, cutAt: [first], tokenizer) == expected, "cut at \(first)")
      }
      for size in 1...5 {
        let cuts = Array(stride(from: size, to: text.count, by: size))
        #expect(encode(text, cutAt: cuts, tokenizer) == expected, "pieces of \(size)")
      }
    }
  }

  /// All sequences of three boundary bytes of UTF-8, with continuations and all cuts: errors have
  /// the byte offset of the standard library's decoder.
  @Test func invalidBytesArePlacedWhereverTheCutIs() throws {
    let edges: [UInt8] = [0x00, 0x7F, 0x80, 0x9F, 0xA0, 0xC1, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xF5]
    for first in edges {
      for second in edges {
        for third in edges {
          let text = [0x61, first, second, third, 0x80, 0x61]
          var (decoder, bytes, offset) = (UTF8(), text.makeIterator(), 0)
          var characters: [Unicode.Scalar] = []
          while case .scalarValue(let character) = decoder.decode(&bytes) {
            characters.append(character)
            offset += UTF8.width(character)
          }
          let isValid = offset == text.count
          let tokenizer = Tokenizer.characters(try Vocabulary(Set(characters).sorted()))
          for cuts in [[], [1], [2], [3], [4], [5], [1, 2, 3, 4, 5], [2, 2, 4]] {
            switch encode(text, cutAt: cuts, tokenizer) {
            case .success(let tokens):
              #expect(isValid && tokens.flatMap(tokenizer.decode) == text, "\(text), \(cuts)")
            case .failure(let error):
              #expect(error == .invalidUTF8(byteOffset: offset), "\(text), \(cuts)")
              #expect(!isValid)
            }
          }
        }
      }
    }
  }

  @Test func unknownCharactersAreNamedWithTheirPlaceInTheWhole() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Array("abé\r\n".utf8)))
    let text = Array("ab\r\n\néé€a".utf8)
    let expected = TokenizerError.unknownCharacter("€", offset: 7, line: 3, column: 3)
    for first in 0...text.count {
      #expect(encode(text, cutAt: [first], tokenizer) == .failure(expected), "cut at \(first)")
    }
    #expect(encode(text, cutAt: Array(1..<text.count), tokenizer) == .failure(expected))
  }
}
