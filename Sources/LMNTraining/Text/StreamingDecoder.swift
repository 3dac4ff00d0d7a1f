public import LMNKernels

/// Streaming decoder from tokens to text.
///
/// Each character is output when it is complete; bytes of an incomplete character are held back.
/// Invalid bytes become U+FFFD. The concatenated output equals the result of decoding all bytes at
/// once.
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private(set) var heldBack: [UInt8] = []

  /// A decoder at the beginning of a text.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// A decoder with these incomplete bytes held back.
  init(_ tokenizer: Tokenizer, heldBack: [UInt8]) {
    self.tokenizer = tokenizer
    self.heldBack = heldBack
  }

  /// The text that a token completes: often one character, possibly none.
  ///
  /// - Precondition: `token` is in the vocabulary.
  public mutating func decode(_ token: Token) -> String {
    heldBack += tokenizer.decode(token)
    let whole = heldBack.dropLast(heldBack.incompleteTail)
    heldBack.removeFirst(whole.count)
    return String(decoding: whole, as: UTF8.self)
  }

  /// The text of the bytes still held back, at the end of the tokens.
  public mutating func finish() -> String {
    defer { heldBack = [] }
    return String(decoding: heldBack, as: UTF8.self)
  }
}
