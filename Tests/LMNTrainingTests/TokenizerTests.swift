import FoundationEssentials
import LMN
import Testing

@Suite struct TokenizerTests {
  /// Characters that a tokenizer of graphemes, or one that normalizes or trims, would lose.
  static let hardText =
    "\u{FEFF}one\r\ntwo\r\rthree\n\ne\u{301} \u{E9} \u{0}\t\u{7F} 👩‍👩‍👧 "
    + "\u{10FFFF}\u{FFFF}\u{2028} \"\\"

  @Test(arguments: [Array(hardText.utf8), Array("\u{301}".utf8), Array("a".utf8)])
  func charactersSurvive(text: [UInt8]) throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: text))
    let tokens = try tokenizer.encode(text)
    #expect(tokens.count == String(decoding: text, as: UTF8.self).unicodeScalars.count)
    #expect(tokens.flatMap(tokenizer.decode) == text)
    #expect(try Tokenizer(specification: tokenizer.specification) == tokenizer)
    let json = try JSONEncoder().encode([tokenizer])
    #expect(try JSONDecoder().decode([Tokenizer].self, from: json) == [tokenizer])
  }

  @Test func bytesSurvive() throws {
    let text = (0...255).reversed().map(UInt8.init)
    let tokens = try Tokenizer.bytes.encode(text)
    #expect(tokens == text.map(Token.init))
    #expect(tokens.flatMap(Tokenizer.bytes.decode) == text)
    #expect(Tokenizer.bytes.vocabularySize == 256)
    #expect(try Tokenizer(specification: Tokenizer.bytes.specification) == .bytes)
  }

  @Test func vocabularyIsSortedAndDistinct() throws {
    let vocabulary = try Vocabulary(of: Array("banana\nÄ".utf8))
    #expect(vocabulary.characters == ["\n", "a", "b", "n", "Ä"])
    let tokenizer = Tokenizer.characters(vocabulary)
    #expect(tokenizer.vocabularySize == 5)
    #expect(try tokenizer.encode(Array("nab".utf8)) == [3, 1, 2])
    #expect(tokenizer.specification == "characters:\nabnÄ")
  }

  /// The unknown token stands for all other characters, and for those that occur once.
  @Test func unknownTokensStandForOtherCharacters() throws {
    let text = Array("banana\nab€".utf8)
    let tokenizer = Tokenizer.characters(try Vocabulary(of: text, hasUnknown: true))
    #expect(tokenizer.vocabularySize == 4)
    #expect(try tokenizer.encode(text) == [1, 0, 2, 0, 2, 0, 3, 0, 1, 3])
    #expect(tokenizer.decode(3) == Array("\u{FFFD}".utf8))
    #expect(tokenizer.specification == "characters+unknown:abn")
    #expect(try Tokenizer(specification: tokenizer.specification) == tokenizer)
    #expect(tokenizer != .characters(try Vocabulary(["a", "b", "n"])))
    #expect(throws: TokenizerError.emptyVocabulary) {
      try Vocabulary(of: Array("abc".utf8), hasUnknown: true)
    }
  }

  @Test func unknownCharactersAreSkippedAndCounted() throws {
    let vocabulary = try Vocabulary(["a", "b"])
    for hasUnknown in [false, true] {
      var encoder = StreamingEncoder(
        .characters(try Vocabulary(vocabulary.characters, hasUnknown: hasUnknown)),
        skippingUnknown: true)
      #expect(try encoder.encode(Array("a€b".utf8)) == [0, 1])
      #expect(try encoder.encode(Array("\nb".utf8)) == [1])
      #expect(encoder.unknownCount == 2)
    }
  }

  @Test func emptyTextHasNoTokens() throws {
    #expect(try Tokenizer.bytes.encode([]).isEmpty)
    #expect(try Tokenizer.characters(Vocabulary(["a"])).encode([]).isEmpty)
  }

  // MARK: Errors

  @Test func unknownCharacterIsNamedWithItsPlace() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Array("abé\r\n".utf8)))
    let error = #expect(throws: TokenizerError.self) {
      try tokenizer.encode(Array("ab\r\n\néé\u{1B}a".utf8))
    }
    #expect(error == .unknownCharacter("\u{1B}", offset: 7, line: 3, column: 3))
    #expect(
      error?.description
        == "the character '\\u{1B}' (U+001B) at offset 7 (line 3, column 3) is not in the "
        + "vocabulary"
    )
    #expect(throws: TokenizerError.unknownCharacter("x", offset: 0, line: 1, column: 1)) {
      try tokenizer.encode(Array("x".utf8))
    }
    #expect(throws: TokenizerError.unknownCharacter("x", offset: 1, line: 2, column: 1)) {
      try tokenizer.encode(Array("\nx".utf8))
    }
  }

  @Test(
    arguments: [
      ([0xFF], 0), ([0x61, 0x80], 1), ([0xC3, 0xA9, 0xC3], 2), ([0x61, 0xED, 0xA0, 0x80], 1),
      ([0xC0, 0x80], 0), ([0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98], 3), ([0xF4, 0x90, 0x80, 0x80], 0),
    ] as [([UInt8], Int)])
  func invalidUTF8IsPlaced(text: [UInt8], byteOffset: Int) throws {
    let expected = TokenizerError.invalidUTF8(byteOffset: byteOffset)
    #expect(throws: expected) { try Vocabulary(of: text) }
    #expect(throws: expected) {
      try Tokenizer.characters(Vocabulary(["a", "é", "€"])).encode(text)
    }
  }

  @Test(
    arguments: [
      ("", .unknownSpecification("")),
      ("words:ab", .unknownSpecification("words:ab")),
      ("bytes ", .unknownSpecification("bytes ")),
      ("characters", .unknownSpecification("characters")),
      ("characters:", .emptyVocabulary),
      ("characters:abca", .duplicateCharacter("a")),
    ] as [(String, TokenizerError)])
  func malformedSpecificationIsRejected(specification: String, error: TokenizerError) {
    #expect(throws: error) { try Tokenizer(specification: specification) }
    #expect(throws: error) {
      try JSONDecoder().decode([Tokenizer].self, from: JSONEncoder().encode([specification]))
    }
  }

  @Test func emptyTextHasNoVocabulary() {
    #expect(throws: TokenizerError.emptyVocabulary) { try Vocabulary(of: []) }
  }

  @Test func trapsOnTokensOutsideTheVocabulary() async {
    await #expect(processExitsWith: .failure) { _ = Tokenizer.bytes.decode(256) }
    await #expect(processExitsWith: .failure) { _ = Tokenizer.bytes.decode(-1) }
  }
}
