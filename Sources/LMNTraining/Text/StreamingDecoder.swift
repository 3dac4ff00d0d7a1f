public import LMNKernels

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
    let whole = heldBack.dropLast(heldBack.incompleteTail)
    heldBack.removeFirst(whole.count)
    return String(decoding: whole, as: UTF8.self)
  }

  /// The text of the bytes that are still held back, which no further token will complete.
  public mutating func finish() -> String {
    defer { heldBack = [] }
    return String(decoding: heldBack, as: UTF8.self)
  }
}
