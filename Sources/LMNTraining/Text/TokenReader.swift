public import LMNKernels
internal import LMNModel

/// The tokens of a file or a pipe from beginning to end, in memory that does not grow with it.
public struct TokenReader: ~Copyable {
  private let file: FileDescriptor
  private var encoder: StreamingEncoder
  /// What was read and not yet given out.
  private var ahead: [Token] = []
  private var isAtEnd = false

  /// Bytes that are read at once.
  static let byteCountAtOnce = 1 << 16

  /// Tokens to ask for at once when a network reads them: so many that all threads are at work
  /// nearly all the time.
  public static var pieceLength: Int { 8192 * ExecutionContext.current.threadCount }

  /// A reader at the beginning of a text.
  ///
  /// - Parameters:
  ///   - path: The file; a pipe such as `/dev/stdin` will do.
  ///   - tokenizer: Divides the text into tokens.
  /// - Throws: `FileError` if the file is missing, a directory, or not readable.
  public init(_ path: String, tokenizer: Tokenizer) throws(FileError) {
    file = try FileDescriptor.reading(path)
    encoder = StreamingEncoder(tokenizer)
  }

  /// The next `count` tokens, fewer only at the end of the text.
  ///
  /// - Throws: `FileError`, or ``TokenizerError`` with the place in the text as a whole.
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
