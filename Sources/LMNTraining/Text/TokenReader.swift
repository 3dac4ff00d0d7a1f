public import LMNKernels
internal import LMNModel

/// Streaming reader of the tokens of a file or pipe, in memory that does not grow with it.
public struct TokenReader: ~Copyable {
  private let file: FileDescriptor
  private var encoder: StreamingEncoder
  /// Tokens read ahead.
  private var ahead: [Token] = []
  private var isAtEnd = false

  /// Bytes per read.
  static let byteCountAtOnce = 1 << 16

  /// Tokens to request at once for reading by a network: enough to keep all threads busy.
  public static var pieceLength: Int { 8192 * ExecutionContext.current.threadCount }

  /// A reader at the beginning of a text.
  ///
  /// - Parameters:
  ///   - path: The file, which may be a pipe, or a descriptor such as `/dev/stdin`.
  ///   - tokenizer: Tokenizer of the text.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public init(_ path: String, tokenizer: Tokenizer) throws(FileError) {
    file = try FileDescriptor.reading(path)
    encoder = StreamingEncoder(tokenizer)
  }

  /// The next `count` tokens, fewer only at the end of the text.
  ///
  /// - Parameter count: Number of tokens.
  /// - Returns: The tokens.
  /// - Throws: `FileError`, or ``TokenizerError`` with the place in the whole text.
  public mutating func tokens(upTo count: Int) throws -> [Token] {
    while ahead.count < count && !isAtEnd {
      let bytes = try file.bytes(upTo: Self.byteCountAtOnce)
      ahead += try encoder.encode(bytes)
      isAtEnd = bytes.count < Self.byteCountAtOnce
      if isAtEnd { try encoder.finish() }
    }
    defer { ahead.removeFirst(min(count, ahead.count)) }
    return Array(ahead.prefix(count))
  }
}
