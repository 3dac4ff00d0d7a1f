public import LMNKernels

/// Tokens of a text that arrives in pieces, which may end within a character.
///
/// All that is given out is, taken together, what encoding all pieces at once gives, and so are the
/// places in errors.
public struct StreamingEncoder: Sendable {
  private let tokenizer: Tokenizer
  private var decoder = CharacterDecoder()
  /// Characters so far, their lines, and how many characters stand before the last line.
  private var (offset, line, lineStart) = (0, 1, 0)

  /// An encoder at the start of a text.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// The tokens that one more piece completes.
  ///
  /// - Parameter piece: Bytes; UTF-8 where tokens are characters.
  /// - Returns: A token per byte or per whole character.
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` or
  ///   ``TokenizerError/unknownCharacter(_:offset:line:column:)``, of the first such place.
  public mutating func encode(_ piece: [UInt8]) throws(TokenizerError) -> [Token] {
    guard case .characters(let vocabulary) = tokenizer else { return piece.map(Token.init) }
    var tokens: [Token] = []
    tokens.reserveCapacity(piece.count)
    var (offset, line, lineStart) = (offset, line, lineStart)
    try decoder.decode(piece) { character throws(TokenizerError) in
      guard let token = vocabulary[character] else {
        throw .unknownCharacter(
          character, offset: offset, line: line, column: offset - lineStart + 1)
      }
      tokens.append(token)
      offset += 1
      if character == "\n" { (line, lineStart) = (line + 1, offset) }
    }
    (self.offset, self.line, self.lineStart) = (offset, line, lineStart)
    return tokens
  }

  /// Says that the text ends here.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` if it ends within a character.
  public func finish() throws(TokenizerError) { try decoder.finish() }
}

/// The characters of a text in UTF-8 that arrives in pieces.
struct CharacterDecoder: Sendable {
  /// The beginning of a character whose end has not come yet.
  private var heldBack: [UInt8] = []
  private var byteOffset = 0

  /// Calls `take` with every character that one more piece completes.
  mutating func decode(
    _ piece: [UInt8], _ take: (Unicode.Scalar) throws(TokenizerError) -> Void
  ) throws(TokenizerError) {
    let bytes = heldBack.isEmpty ? piece : heldBack + piece
    let tail = bytes.incompleteTail
    var whole = bytes.dropLast(tail).makeIterator()
    var decoder = UTF8()
    decoding: while true {
      switch decoder.decode(&whole) {
      case .scalarValue(let character):
        try take(character)
        byteOffset += UTF8.width(character)
      case .emptyInput: break decoding
      case .error: throw .invalidUTF8(byteOffset: byteOffset)
      }
    }
    heldBack = Array(bytes.suffix(tail))
  }

  /// Throws if the text has ended within a character.
  func finish() throws(TokenizerError) {
    guard heldBack.isEmpty else { throw .invalidUTF8(byteOffset: byteOffset) }
  }
}

extension [UInt8] {
  /// How many bytes at the end begin a character of UTF-8 without ending it.
  var incompleteTail: Int {
    for tail in (1...3).map(suffix) {
      let wholeCount =
        switch tail.first ?? 0 {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
      // A beginning that can be continued decodes to a single U+FFFD.
      if tail.count < wholeCount, String(decoding: tail, as: UTF8.self).unicodeScalars.count == 1 {
        return tail.count
      }
    }
    return 0
  }
}
