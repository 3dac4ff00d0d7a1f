import LMN

/// Tokenizers and their streaming forms.
///
/// The first byte of an input is the length of the pieces in which the rest is read.
struct TextTarget: FuzzTarget {
  static let name = "text"

  func seeds() -> [[UInt8]] {
    [
      [3] + Array("the cat sat on a mat.\n\tÄ e\u{301} 漢字 🙂\u{FEFF}\0".utf8),
      [1, 0xF0, 0x9F, 0x99, 0x41, 0xE2, 0x82, 0xED, 0xA0, 0x80, 0xC0, 0x80, 0xF4, 0x90, 0x80],
      [2] + Array("\u{301}bytes\r\nA\u{2028}\u{FFFD}\u{10FFFF}".utf8),
    ]
  }

  func check(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let text = Array(input.dropFirst())
    let pieces = stride(from: 0, to: text.count, by: max(1, Int(first))).map { start in
      Array(text[start..<min(text.count, start + max(1, Int(first)))])
    }
    check(.bytes, text, pieces)
    check(Self.letters, text, pieces)
    let isUTF8 = String(validating: text, as: UTF8.self) != nil
    do throws(TokenizerError) {
      let tokenizer = Tokenizer.characters(try Vocabulary(of: text))
      expect(isUTF8, "text is accepted that is not UTF-8")
      check(tokenizer, text, pieces)
    } catch {
      expect(error == .emptyVocabulary ? text.isEmpty : !isUTF8, "UTF-8 is refused: \(error)")
    }
    if let tokenizer = try? Tokenizer(specification: String(decoding: text, as: UTF8.self)) {
      checkSpecification(of: tokenizer)
    }
  }

  private static let letters: Tokenizer = {
    do { return .characters(try Vocabulary(of: Array("abcé\n 漢🙂".utf8))) } catch {
      fatalError("\(error)")
    }
  }()

  private func checkSpecification(of tokenizer: Tokenizer) {
    let again = try? Tokenizer(specification: tokenizer.specification)
    expect(again == tokenizer, "written and read again, the tokenizer differs")
  }

  /// Pieces give the tokens and the error of the whole text; tokens give the text back.
  private func check(_ tokenizer: Tokenizer, _ text: [UInt8], _ pieces: [[UInt8]]) {
    checkSpecification(of: tokenizer)
    let whole = Result { () throws(TokenizerError) in try tokenizer.encode(text) }
    let streamed = Result { () throws(TokenizerError) in
      var encoder = StreamingEncoder(tokenizer)
      var tokens: [Token] = []
      for piece in pieces { tokens += try encoder.encode(piece) }
      try encoder.finish()
      return tokens
    }
    expect(whole == streamed, "in pieces \(streamed), at once \(whole)")
    guard case .success(let tokens) = whole else { return }
    expect(tokens.flatMap(tokenizer.decode) == text, "the tokens are those of another text")
    var decoder = StreamingDecoder(tokenizer)
    let decoded = tokens.map { decoder.decode($0) }.joined() + decoder.finish()
    expect(
      decoded.utf8.elementsEqual(String(decoding: text, as: UTF8.self).utf8),
      "the decoder gives another text")
  }
}
