public import LMNKernels
internal import LMNModel

/// Streaming reader of the tokens of a file or pipe, in memory that does not grow with it.
public struct TokenReader: ~Copyable {
  private let file: FileDescriptor
  private let tokenizer: Tokenizer
  private var encoder: StreamingEncoder
  /// Tokens read ahead.
  private var ahead: [Token] = []
  private var isAtEnd = false
  /// Number of bytes read so far.
  public private(set) var bytesRead = 0
  /// Size of the file in bytes; nil for a pipe.
  public let byteCount: Int?
  /// Number of characters read so far that are not in the vocabulary.
  public var unknownCount: Int { encoder.unknownCount }

  /// Bytes per read.
  static let byteCountAtOnce = 1 << 16

  /// Tokens to request at once for reading by a network: enough to keep all threads busy.
  public static var pieceLength: Int { 8192 * ExecutionContext.current.threadCount }

  /// A reader at the beginning of a text.
  ///
  /// - Parameters:
  ///   - path: The file, which may be a pipe, or a descriptor such as `/dev/stdin`.
  ///   - tokenizer: Tokenizer of the text.
  ///   - skippingUnknown: Whether characters outside the vocabulary are left out.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public init(
    _ path: String, tokenizer: Tokenizer, skippingUnknown: Bool = false
  ) throws(FileError) {
    let file = try FileDescriptor.reading(path)
    byteCount = try file.byteCount()
    self.file = file
    self.tokenizer = tokenizer
    encoder = StreamingEncoder(tokenizer, skippingUnknown: skippingUnknown)
  }

  /// The next `count` tokens, fewer only at the end of the text, of which the byte-order mark of
  /// UTF-8 is no part.
  ///
  /// - Parameter count: Number of tokens.
  /// - Returns: The tokens.
  /// - Throws: `FileError`, or ``TokenizerError`` with the place in the whole text.
  public mutating func tokens(upTo count: Int) throws -> [Token] {
    while ahead.count < count && !isAtEnd {
      let bytes = try file.bytes(upTo: Self.byteCountAtOnce)
      if bytesRead == 0 && tokenizer != .bytes { try ByteOrderMark.expectUTF8(bytes) }
      ahead += try encoder.encode(bytesRead == 0 ? Array(bytes.withoutMark) : bytes)
      bytesRead += bytes.count
      isAtEnd = bytes.count < Self.byteCountAtOnce
      if isAtEnd { try encoder.finish() }
    }
    defer { ahead.removeFirst(min(count, ahead.count)) }
    return Array(ahead.prefix(count))
  }
}
