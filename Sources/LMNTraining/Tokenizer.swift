public import LMNKernels

/// The map between text and tokens.
///
/// A *character* is a Unicode scalar, not a grapheme cluster: `\r\n` is two characters and so is a
/// letter with a combining accent, so that decoding gives back every byte of what was encoded.
public enum Tokenizer: Equatable, Sendable {
  /// A token per byte. Any text, and any other data, can be encoded.
  case bytes
  /// A token per character, for text in UTF-8 that has no character outside the vocabulary.
  case characters(Vocabulary)

  /// The number of distinct tokens.
  public var vocabularySize: Int {
    switch self {
    case .bytes: 256
    case .characters(let vocabulary): vocabulary.characters.count
    }
  }

  /// The tokens of a text.
  ///
  /// - Parameter text: Bytes; UTF-8 where tokens are characters.
  /// - Returns: A token per byte or per character.
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)`` or
  ///   ``TokenizerError/unknownCharacter(_:offset:line:column:)``, of the first such place. Where
  ///   tokens are bytes, nothing is thrown.
  public func encode(_ text: [UInt8]) throws(TokenizerError) -> [Token] {
    switch self {
    case .bytes: text.map(Token.init)
    case .characters(let vocabulary): try vocabulary.tokens(of: try unicodeScalars(of: text))
    }
  }

  /// The bytes that a token stands for.
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
}

/// The distinct characters that a tokenizer knows; the token of each is its place in the list.
public struct Vocabulary: Equatable, Sendable {
  /// The characters, by token.
  public let characters: [Unicode.Scalar]

  private let tokens: [Unicode.Scalar: Token]

  /// The characters of a text, in order of their code points.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(byteOffset:)``, or ``TokenizerError/emptyVocabulary``
  ///   if the text is empty.
  public init(of text: [UInt8]) throws(TokenizerError) {
    try self.init(Set(try unicodeScalars(of: text)).sorted())
  }

  /// The given characters, in the given order.
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

  fileprivate func tokens(of text: [Unicode.Scalar]) throws(TokenizerError) -> [Token] {
    var result: [Token] = []
    result.reserveCapacity(text.count)
    for character in text {
      guard let token = tokens[character] else {
        let lines = text[..<result.count].split(separator: "\n", omittingEmptySubsequences: false)
        throw .unknownCharacter(
          character, offset: result.count, line: lines.count, column: lines.last!.count + 1)
      }
      result.append(token)
    }
    return result
  }
}

/// The characters of a text in UTF-8.
private func unicodeScalars(of text: [UInt8]) throws(TokenizerError) -> [Unicode.Scalar] {
  var result: [Unicode.Scalar] = []
  result.reserveCapacity(text.count)
  var decoder = UTF8()
  var bytes = text.makeIterator()
  var byteOffset = 0
  while true {
    switch decoder.decode(&bytes) {
    case .scalarValue(let character):
      result.append(character)
      byteOffset += UTF8.width(character)
    case .emptyInput: return result
    case .error: throw .invalidUTF8(byteOffset: byteOffset)
    }
  }
}

// MARK: - Storage

extension Tokenizer: Codable {
  private static let charactersPrefix = "characters:"

  /// The tokenizer in a line for the metadata of a checkpoint: `bytes`, or `characters:` and then
  /// the vocabulary.
  public var specification: String {
    switch self {
    case .bytes: "bytes"
    case .characters(let vocabulary):
      Self.charactersPrefix + String(String.UnicodeScalarView(vocabulary.characters))
    }
  }

  /// The tokenizer that ``specification`` describes.
  ///
  /// - Throws: ``TokenizerError/unknownSpecification(_:)``, or what ``Vocabulary`` finds wrong with
  ///   the characters.
  public init(specification: String) throws(TokenizerError) {
    // Not `hasPrefix`, to which a combining accent at the start of the vocabulary would change the
    // colon before it.
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

// MARK: - Streaming

/// Text from tokens that arrive one at a time.
///
/// A character is given out once it is whole: bytes that may still become one are held back. Bytes
/// that cannot be part of any become U+FFFD, so all that is given out is, taken together, just
/// what decoding all bytes at once gives.
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private(set) var heldBack: [UInt8] = []

  /// A decoder at the start of a text.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// A decoder within a text, where it holds back these bytes.
  init(_ tokenizer: Tokenizer, heldBack: [UInt8]) {
    self.tokenizer = tokenizer
    self.heldBack = heldBack
  }

  /// The text that one more token completes, often a character, sometimes nothing.
  ///
  /// - Precondition: `token` is in the vocabulary.
  public mutating func decode(_ token: Token) -> String {
    heldBack += tokenizer.decode(token)
    let whole = heldBack.dropLast(incompleteTail)
    heldBack.removeFirst(whole.count)
    return String(decoding: whole, as: UTF8.self)
  }

  /// The text of the bytes that are still held back, which no further token will complete.
  public mutating func finish() -> String {
    defer { heldBack = [] }
    return String(decoding: heldBack, as: UTF8.self)
  }

  /// The number of bytes at the end that begin a character without ending it.
  private var incompleteTail: Int {
    for tail in (1...3).map(heldBack.suffix) {
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

// MARK: - Errors

/// What can be wrong with a text or with the description of a tokenizer.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
  /// The text is not UTF-8; what stands at the offset does not begin a character.
  case invalidUTF8(byteOffset: Int)
  /// The text has a character that is not in the vocabulary. The offset, from 0, and the line and
  /// column, from 1, count characters.
  case unknownCharacter(Unicode.Scalar, offset: Int, line: Int, column: Int)
  /// A vocabulary has no characters.
  case emptyVocabulary
  /// A vocabulary has a character twice.
  case duplicateCharacter(Unicode.Scalar)
  /// The description of a tokenizer names no known kind.
  case unknownSpecification(String)

  /// The error as a sentence for the user.
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
  /// The character escaped, so that no terminal obeys it, and its code point.
  fileprivate var displayName: String {
    let digits = String(value, radix: 16, uppercase: true)
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "'\(escaped(asASCII: true))' (U+\(padding)\(digits))"
  }
}
