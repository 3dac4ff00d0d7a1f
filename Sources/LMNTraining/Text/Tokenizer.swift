public import LMNKernels

/// Mapping between text and tokens.
///
/// A *character* is a Unicode scalar, not a grapheme cluster: `\r\n` is two characters and so is a
/// letter with a combining accent. Decoding therefore restores every byte of the encoded text.
public enum Tokenizer: Equatable, Sendable {
  /// A token per byte; any data can be encoded.
  case bytes
  /// A token per character, for UTF-8 text.
  case characters(Vocabulary)

  /// Number of distinct tokens.
  public var vocabularySize: Int {
    switch self {
    case .bytes: 256
    case .characters(let vocabulary): vocabulary.count
    }
  }

  /// Whether there is a token for characters outside the vocabulary.
  public var hasUnknown: Bool {
    if case .characters(let vocabulary) = self { vocabulary.unknown != nil } else { false }
  }

  /// Tokens of a text.
  ///
  /// - Parameter text: Bytes; UTF-8 for character tokens.
  /// - Returns: A token per byte or per character.
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` or
  ///   ``TokenizerError/unknownCharacter(_:offset:line:column:)``, for the first error; never for
  ///   byte tokens.
  public func encode(_ text: [UInt8]) throws(TokenizerError) -> [Token] {
    var encoder = StreamingEncoder(self)
    let tokens = try encoder.encode(text)
    try encoder.finish()
    return tokens
  }

  /// Number of tokens of a text that can be encoded.
  public func tokenCount(of text: [UInt8]) -> Int {
    switch self {
    case .bytes: text.count
    // All bytes of a character after its first have the form 10xxxxxx.
    case .characters: text.count { $0 & 0xC0 != 0x80 }
    }
  }

  /// The bytes of a token; those of U+FFFD for the unknown token.
  ///
  /// - Precondition: `token` is below ``vocabularySize``.
  public func decode(_ token: Token) -> [UInt8] {
    precondition(
      token >= 0 && token < vocabularySize,
      "token \(token) is not in a vocabulary of \(vocabularySize)")
    return switch self {
    case .bytes: [UInt8(token)]
    case .characters(let vocabulary): Array(UTF8.encode(vocabulary.character(of: token))!)
    }
  }

  /// Number of bytes of a token.
  func byteCount(of token: Token) -> Int {
    switch self {
    case .bytes: 1
    case .characters(let vocabulary): UTF8.width(vocabulary.character(of: token))
    }
  }
}

/// Distinct characters of a tokenizer; the token of a character is its index.
public struct Vocabulary: Equatable, Sendable {
  /// The characters, by token.
  public let characters: [Unicode.Scalar]
  /// The token of all other characters, after those of the vocabulary; nil without one.
  public let unknown: Token?
  /// Number of tokens.
  public var count: Int { characters.count + (unknown == nil ? 0 : 1) }

  private let tokens: [Unicode.Scalar: Token]

  /// The characters of a text, in order of their code points.
  ///
  /// - Parameters:
  ///   - text: UTF-8.
  ///   - hasUnknown: Whether there is a token for other characters; characters that occur only once
  ///     are left out then, so that training meets this token.
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)``, ``TokenizerError/otherEncoding(_:)``, or
  ///   ``TokenizerError/emptyVocabulary`` if no character is left.
  public init(of text: [UInt8], hasUnknown: Bool = false) throws(TokenizerError) {
    try ByteOrderMark.expectUTF8(text)
    var counts: [Unicode.Scalar: Int] = [:]
    var decoder = CharacterDecoder()
    try decoder.decode(text) { counts[$0, default: 0] += 1 }
    try decoder.finish()
    try self.init(counts: counts, hasUnknown: hasUnknown)
  }

  /// The characters of a text, given how often each occurs in it.
  init(counts: [Unicode.Scalar: Int], hasUnknown: Bool) throws(TokenizerError) {
    let characters = hasUnknown ? counts.filter { $0.value > 1 } : counts
    try self.init(characters.keys.sorted(), hasUnknown: hasUnknown)
  }

  /// The characters of a file, in order of their code points, in memory that does not grow with it.
  ///
  /// - Parameter path: The file, which may be a pipe; a byte-order mark is no part of the text.
  /// - Throws: `FileError`, or ``TokenizerError`` as for a text in memory.
  public init(contentsOf path: String) throws {
    let file = try FileDescriptor.reading(path)
    var characters: Set<Unicode.Scalar> = []
    var decoder = CharacterDecoder()
    var (isAtBeginning, isAtEnd) = (true, false)
    while !isAtEnd {
      let piece = try file.bytes(upTo: TokenReader.byteCountAtOnce)
      if isAtBeginning { try ByteOrderMark.expectUTF8(piece) }
      let text = isAtBeginning ? Array(piece.withoutMark) : piece
      try decoder.decode(text) { characters.insert($0) }
      isAtBeginning = false
      isAtEnd = piece.count < TokenReader.byteCountAtOnce
    }
    try decoder.finish()
    try self.init(characters.sorted())
  }

  /// A vocabulary of these characters, in this order.
  ///
  /// - Parameters:
  ///   - characters: The characters.
  ///   - hasUnknown: Whether there is a token for other characters.
  /// - Throws: ``TokenizerError/emptyVocabulary`` or ``TokenizerError/duplicateCharacter(_:)``.
  public init(
    _ characters: [Unicode.Scalar], hasUnknown: Bool = false
  ) throws(TokenizerError) {
    guard !characters.isEmpty else { throw .emptyVocabulary }
    var tokens: [Unicode.Scalar: Token] = [:]
    for (token, character) in characters.enumerated() {
      guard tokens.updateValue(Token(token), forKey: character) == nil else {
        throw .duplicateCharacter(character)
      }
    }
    self.characters = characters
    self.tokens = tokens
    unknown = hasUnknown ? Token(characters.count) : nil
  }

  /// The token of a character; nil if it is not in the vocabulary.
  subscript(character: Unicode.Scalar) -> Token? { tokens[character] }

  /// The character of a token; U+FFFD for the unknown token.
  func character(of token: Token) -> Unicode.Scalar {
    token == unknown ? "\u{FFFD}" : characters[Int(token)]
  }
}

// MARK: - Storage

extension Tokenizer: Codable {
  private static let charactersPrefix = "characters:"
  /// Prefix of a vocabulary with an unknown token.
  private static let unknownPrefix = "characters+unknown:"

  /// The tokenizer as one line of checkpoint metadata: `bytes`, or `characters:` and the
  /// vocabulary, with an unknown token `characters+unknown:`.
  public var specification: String {
    switch self {
    case .bytes: "bytes"
    case .characters(let vocabulary):
      (vocabulary.unknown == nil ? Self.charactersPrefix : Self.unknownPrefix)
        + String(String.UnicodeScalarView(vocabulary.characters))
    }
  }

  /// The tokenizer of a ``specification``.
  ///
  /// - Throws: ``TokenizerError/unknownSpecification(_:)``, or an error of the vocabulary's
  ///   characters.
  public init(specification: String) throws(TokenizerError) {
    // Not `hasPrefix`, for which a combining accent at the start of the vocabulary would combine
    // with the colon.
    let scalars = specification.unicodeScalars
    for prefix in [Self.charactersPrefix, Self.unknownPrefix]
    where scalars.starts(with: prefix.unicodeScalars) {
      let characters = scalars.dropFirst(prefix.unicodeScalars.count)
      self = .characters(
        try Vocabulary(Array(characters), hasUnknown: prefix == Self.unknownPrefix))
      return
    }
    guard specification == "bytes" else { throw .unknownSpecification(specification) }
    self = .bytes
  }

  /// Decodes a tokenizer from its ``specification``.
  public init(from decoder: any Decoder) throws {
    try self.init(specification: String(from: decoder))
  }

  /// Encodes a tokenizer as its ``specification``.
  public func encode(to encoder: any Encoder) throws {
    try specification.encode(to: encoder)
  }
}

// MARK: - Errors

/// An error in a text or in a tokenizer's specification.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
  /// The text is not valid UTF-8 at the offset.
  case invalidUTF8(byteOffset: Int)
  /// The text has the byte-order mark of another encoding, which has this name.
  case otherEncoding(String)
  /// A character is not in the vocabulary; offset (from 0), line and column (from 1) count
  /// characters.
  case unknownCharacter(Unicode.Scalar, offset: Int, line: Int, column: Int)
  /// The vocabulary is empty.
  case emptyVocabulary
  /// The vocabulary has duplicate characters.
  case duplicateCharacter(Unicode.Scalar)
  /// The specification of a tokenizer has an unknown kind.
  case unknownSpecification(String)

  /// A sentence with value and place.
  public var description: String {
    switch self {
    case .invalidUTF8(let byteOffset):
      "the text is not valid UTF-8 at byte \(byteOffset)"
    case .otherEncoding(let name):
      "the text is \(name), not UTF-8; convert it: iconv -f \(name) -t UTF-8"
    case .unknownCharacter(let character, let offset, let line, let column):
      "the character \(character.displayName) at offset \(offset) (line \(line), column \(column)) "
        + "is not in the vocabulary"
    case .emptyVocabulary:
      "the vocabulary is empty"
    case .duplicateCharacter(let character):
      "the vocabulary has the character \(character.displayName) twice"
    case .unknownSpecification(let specification):
      "\(specification.debugDescription) does not describe a tokenizer; "
        + "expected \"bytes\" or \"characters:\" and the vocabulary"
    }
  }
}

extension Unicode.Scalar {
  /// The character, escaped for terminals, with its code point.
  package var displayName: String {
    let digits = String(value, radix: 16, uppercase: true)
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "'\(escaped(asASCII: true))' (U+\(padding)\(digits))"
  }
}
