public import LMNKernels

/// Mapping between text and tokens.
///
/// A *character* is a Unicode scalar, not a grapheme cluster: `\r\n` is two characters and so is a
/// letter with a combining accent. Decoding therefore restores every byte of the encoded text.
public enum Tokenizer: Equatable, Sendable {
  /// A token per byte; any data can be encoded.
  case bytes
  /// A token per character, for UTF-8 text whose characters are all in the vocabulary.
  case characters(Vocabulary)

  /// Number of distinct tokens.
  public var vocabularySize: Int {
    switch self {
    case .bytes: 256
    case .characters(let vocabulary): vocabulary.characters.count
    }
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

  /// The bytes of a token.
  ///
  /// - Precondition: `token` is below ``vocabularySize``.
  public func decode(_ token: Token) -> [UInt8] {
    precondition(
      token >= 0 && token < vocabularySize,
      "token \(token) is not in a vocabulary of \(vocabularySize)")
    return switch self {
    case .bytes: [UInt8(token)]
    case .characters(let vocabulary): Array(UTF8.encode(vocabulary.characters[Int(token)])!)
    }
  }

  /// Number of bytes of a token.
  func byteCount(of token: Token) -> Int {
    switch self {
    case .bytes: 1
    case .characters(let vocabulary): UTF8.width(vocabulary.characters[Int(token)])
    }
  }
}

/// Distinct characters of a tokenizer; the token of a character is its index.
public struct Vocabulary: Equatable, Sendable {
  /// The characters, by token.
  public let characters: [Unicode.Scalar]

  private let tokens: [Unicode.Scalar: Token]

  /// The characters of a text, in order of their code points.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)``, or ``TokenizerError/emptyVocabulary``
  ///   if the text is empty.
  public init(of text: [UInt8]) throws(TokenizerError) {
    var characters: Set<Unicode.Scalar> = []
    var decoder = CharacterDecoder()
    try decoder.decode(text) { characters.insert($0) }
    try decoder.finish()
    try self.init(characters.sorted())
  }

  /// The characters of a file, in order of their code points, in memory that does not grow with it.
  ///
  /// - Parameter path: The file, which may be a pipe.
  /// - Throws: `FileError`, or ``TokenizerError`` as for a text in memory.
  public init(contentsOf path: String) throws {
    let file = try FileDescriptor.reading(path)
    var characters: Set<Unicode.Scalar> = []
    var decoder = CharacterDecoder()
    var isAtEnd = false
    while !isAtEnd {
      let piece = try file.bytes(upTo: TokenReader.byteCountAtOnce)
      try decoder.decode(piece) { characters.insert($0) }
      isAtEnd = piece.count < TokenReader.byteCountAtOnce
    }
    try decoder.finish()
    try self.init(characters.sorted())
  }

  /// A vocabulary of these characters, in this order.
  ///
  /// - Throws: ``TokenizerError/emptyVocabulary`` or ``TokenizerError/duplicateCharacter(_:)``.
  public init(_ characters: [Unicode.Scalar]) throws(TokenizerError) {
    guard !characters.isEmpty else { throw .emptyVocabulary }
    var tokens: [Unicode.Scalar: Token] = [:]
    for (token, character) in characters.enumerated() {
      guard tokens.updateValue(Token(token), forKey: character) == nil else {
        throw .duplicateCharacter(character)
      }
    }
    self.characters = characters
    self.tokens = tokens
  }

  /// The token of a character; nil if it is not in the vocabulary.
  subscript(character: Unicode.Scalar) -> Token? { tokens[character] }
}

// MARK: - Storage

extension Tokenizer: Codable {
  private static let charactersPrefix = "characters:"

  /// The tokenizer as one line of checkpoint metadata: `bytes`, or `characters:` and the
  /// vocabulary.
  public var specification: String {
    switch self {
    case .bytes: "bytes"
    case .characters(let vocabulary):
      Self.charactersPrefix + String(String.UnicodeScalarView(vocabulary.characters))
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
    if scalars.starts(with: Self.charactersPrefix.unicodeScalars) {
      let characters = scalars.dropFirst(Self.charactersPrefix.unicodeScalars.count)
      self = .characters(try Vocabulary(Array(characters)))
    } else if specification == "bytes" {
      self = .bytes
    } else {
      throw .unknownSpecification(specification)
    }
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
