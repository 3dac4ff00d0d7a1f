public import LMNKernels

/// Streaming encoder from text to tokens; pieces of the text may end within a character.
///
/// Concatenated tokens, and places in errors, equal those of encoding all pieces at once.
public struct StreamingEncoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsUnknown: Bool
  /// Number of characters outside the vocabulary so far, skipped or read as its unknown token.
  public private(set) var unknownCount = 0
  private var decoder = CharacterDecoder()
  /// Number of characters and lines so far, and offset of the current line's first character.
  private var (offset, line, lineStart) = (0, 1, 0)

  /// An encoder at the beginning of a text.
  ///
  /// - Parameters:
  ///   - tokenizer: The tokenizer.
  ///   - skippingUnknown: Whether characters outside the vocabulary are left out; otherwise they are
  ///     its unknown token, or an error.
  public init(_ tokenizer: Tokenizer, skippingUnknown: Bool = false) {
    self.tokenizer = tokenizer
    skipsUnknown = skippingUnknown
  }

  /// The tokens that a piece completes.
  ///
  /// - Parameter piece: Bytes; UTF-8 for character tokens.
  /// - Returns: A token per byte or per complete character, except those that are skipped.
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` or
  ///   ``TokenizerError/unknownCharacter(_:offset:line:column:)``, for the first error.
  public mutating func encode(_ piece: [UInt8]) throws(TokenizerError) -> [Token] {
    guard case .characters(let vocabulary) = tokenizer else { return piece.map(Token.init) }
    var tokens: [Token] = []
    tokens.reserveCapacity(piece.count)
    var (offset, line, lineStart) = (offset, line, lineStart)
    var unknownCount = unknownCount
    try decoder.decode(piece) { character throws(TokenizerError) in
      if let token = vocabulary[character] {
        tokens.append(token)
      } else {
        guard skipsUnknown || vocabulary.unknown != nil else {
          throw .unknownCharacter(
            character, offset: offset, line: line, column: offset - lineStart + 1)
        }
        unknownCount += 1
        if let unknown = vocabulary.unknown, !skipsUnknown { tokens.append(unknown) }
      }
      offset += 1
      if character == "\n" { (line, lineStart) = (line + 1, offset) }
    }
    (self.offset, self.line, self.lineStart) = (offset, line, lineStart)
    self.unknownCount = unknownCount
    return tokens
  }

  /// Ends the text.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` if it ends within a character.
  public func finish() throws(TokenizerError) { try decoder.finish() }
}

/// Streaming decoder from UTF-8 to characters.
struct CharacterDecoder: Sendable {
  /// First bytes of an incomplete character.
  private var heldBack: [UInt8] = []
  private var byteOffset = 0

  /// Calls `take` with each character that a piece completes.
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

  /// Ends the text; throws if it ends within a character.
  func finish() throws(TokenizerError) {
    guard heldBack.isEmpty else { throw .invalidUTF8(byteOffset: byteOffset) }
  }
}

extension [UInt8] {
  /// Number of bytes at the end that form an incomplete UTF-8 character.
  var incompleteTail: Int {
    for tail in (1...3).map(suffix) {
      let wholeCount =
        switch tail.first ?? 0 {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
      // An incomplete but valid sequence decodes to a single U+FFFD.
      if tail.count < wholeCount, String(decoding: tail, as: UTF8.self).unicodeScalars.count == 1 {
        return tail.count
      }
    }
    return 0
  }
}
