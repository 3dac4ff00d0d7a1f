/// Named tensors and metadata of a safetensors file.
///
/// The reader is strict: any violation of the format is an error, found before the tensors' bytes
/// are read. Names that are equal after Unicode normalization count as equal. Bytes are
/// little-endian, as on all supported machines. Written files have a checksum of every tensor and of
/// the header; files with checksums are read only if all of them agree.
public struct Safetensors: Sendable {
  /// Element types of the format with whole bytes, by their names in the file.
  public enum ElementType: String, Sendable, CustomStringConvertible {
    /// IEEE 754 floating point of 64, 32 and 16 bits, and bfloat16.
    case f64 = "F64", f32 = "F32", f16 = "F16", bf16 = "BF16"

    /// Floating point of 8 bits, named by exponent and mantissa.
    case f8e5m2 = "F8_E5M2", f8e4m3 = "F8_E4M3", f8e8m0 = "F8_E8M0"

    /// Complex numbers, twice 32 bits.
    case c64 = "C64"

    /// Signed integers.
    case i64 = "I64", i32 = "I32", i16 = "I16", i8 = "I8"

    /// Unsigned integers.
    case u64 = "U64", u32 = "U32", u16 = "U16", u8 = "U8"

    /// A byte that is 0 or 1.
    case bool = "BOOL"

    /// Bytes per element.
    public var byteCount: Int {
      switch self {
      case .f64, .c64, .i64, .u64: 8
      case .f32, .i32, .u32: 4
      case .f16, .bf16, .i16, .u16: 2
      case .f8e5m2, .f8e4m3, .f8e8m0, .i8, .u8, .bool: 1
      }
    }

    /// The name in the file.
    public var description: String { rawValue }

    /// Bytes of a tensor; nil on overflow.
    func byteCount(shape: [Int]) -> Int? {
      var byteCount = 1
      for factor in shape + [self.byteCount] {
        let (product, overflow) = byteCount.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        byteCount = product
      }
      return byteCount
    }
  }

  /// A tensor with its name.
  public struct Entry: Hashable, Sendable {
    /// The name, unique in the file.
    public let name: String

    /// The type of the elements.
    public let type: ElementType

    /// Dimensions; empty for a scalar.
    public let shape: [Int]

    /// The elements, row-major and little-endian.
    public let bytes: ArraySlice<UInt8>
  }

  /// Metadata: text by key, written in key order.
  public var metadata: [String: String]

  /// The tensors, in the order of their bytes in the file.
  public private(set) var entries: [Entry] = []

  private var positions: [String: Int] = [:]
  private(set) var file: String?

  /// A file without tensors.
  ///
  /// - Parameter metadata: Text by key.
  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// Decodes the contents of a file.
  ///
  /// - Parameters:
  ///   - bytes: All bytes of the file; the entries share their storage.
  ///   - file: Name of the file in errors.
  /// - Throws: `SafetensorsError.malformed` for the first violation of the format.
  public init(decoding bytes: [UInt8], file: String? = nil) throws(SafetensorsError) {
    var rest = bytes[...]
    try self.init(byteCount: bytes.count, file: file) { count in
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
  }

  /// Reads a file; tensors are read after the header has been checked.
  ///
  /// - Parameter path: The file, which may be a pipe.
  /// - Throws: `SafetensorsError`, which names the path.
  public init(contentsOf path: String) throws(SafetensorsError) {
    let descriptor = try Self.reading(FileDescriptor.reading(path))
    let size = try Self.reading(descriptor.byteCount())
    guard let size else {
      let bytes = try Self.reading(descriptor.remainingBytes())
      try self.init(decoding: bytes, file: path)
      return
    }
    try self.init(byteCount: size, file: path) { count throws(SafetensorsError) in
      let bytes = try Self.reading(descriptor.bytes(upTo: count))
      guard bytes.count == count else {
        throw .malformed(file: path, tensor: nil, problem: "the file shrank while it was read")
      }
      return bytes[...]
    }
  }

  /// The metadata of a regular file, without its tensors.
  ///
  /// - Parameter path: The file.
  /// - Returns: Text by key.
  /// - Throws: `SafetensorsError`, which names the path.
  static func metadata(ofFile path: String) throws(SafetensorsError) -> [String: String] {
    let descriptor = try reading(FileDescriptor.reading(path))
    let size = try reading(descriptor.byteCount()) ?? 0
    let prefix = try reading(descriptor.bytes(upTo: min(SafetensorsHeader.prefixByteCount, size)))
    let count = try SafetensorsHeader.byteCount(
      prefix: prefix[...], fileByteCount: size, file: path)
    let header = try reading(descriptor.bytes(upTo: count))
    return try SafetensorsHeader(
      parsing: header[...], dataByteCount: size - prefix.count - count, file: path
    ).metadata
  }

  private static func reading<Value: ~Copyable>(
    _ read: @autoclosure () throws(FileError) -> Value
  ) throws(SafetensorsError) -> Value {
    do throws(FileError) { return try read() } catch { throw .unreadable(error) }
  }

  /// Decodes `byteCount` bytes, supplied by `next` in parts: the header, then the data.
  private init(
    byteCount: Int, file: String?,
    next: (Int) throws(SafetensorsError) -> ArraySlice<UInt8>
  ) throws(SafetensorsError) {
    let prefix = try next(min(SafetensorsHeader.prefixByteCount, byteCount))
    let headerByteCount = try SafetensorsHeader.byteCount(
      prefix: prefix, fileByteCount: byteCount, file: file)
    let dataByteCount = byteCount - prefix.count - headerByteCount
    let text = try next(headerByteCount)
    if text.first != UInt8(ascii: "{"),
      let problem = ForeignFormat.problem(ofFileBeginning: prefix, file: file)
    {
      throw .malformed(file: file, tensor: nil, problem: problem)
    }
    let header = try SafetensorsHeader(
      parsing: text, dataByteCount: dataByteCount, file: file)
    let data = try next(dataByteCount)

    self.init(metadata: header.metadata)
    self.file = file
    for layout in header.layouts {
      let bytes = data.dropFirst(layout.range.lowerBound).prefix(layout.range.count)
      append(Entry(name: layout.name, type: layout.type, shape: layout.shape, bytes: bytes))
    }
    try removeChecksums()
  }

  /// The tensor called `name`; nil if there is none.
  ///
  /// - Parameter name: Name of the tensor.
  public subscript(name: String) -> Entry? {
    positions[name].map { entries[$0] }
  }

  /// The elements of a tensor of type F32.
  ///
  /// - Parameter name: Name of the tensor.
  /// - Returns: Shape and row-major elements.
  /// - Throws: `SafetensorsError.missing` or `.mismatchedType`.
  public func floats(
    _ name: String
  ) throws(SafetensorsError) -> (shape: [Int], values: [Float]) {
    try elements(name, of: .f32, as: Float.self)
  }

  /// The elements of a tensor of type I64.
  ///
  /// - Parameter name: Name of the tensor.
  /// - Returns: Shape and row-major elements.
  /// - Throws: `SafetensorsError.missing` or `.mismatchedType`.
  public func integers(
    _ name: String
  ) throws(SafetensorsError) -> (shape: [Int], values: [Int]) {
    let (shape, values) = try elements(name, of: .i64, as: Int64.self)
    return (shape, values.map { Int($0) })
  }

  /// The elements of a tensor of the given type.
  func elements<Element: BitwiseCopyable>(
    _ name: String, of type: ElementType, as _: Element.Type
  ) throws(SafetensorsError) -> (shape: [Int], values: [Element]) {
    guard let entry = self[name] else { throw .missing(file: file, tensor: name) }
    guard entry.type == type else {
      throw .mismatchedType(file: file, tensor: name, expected: type, found: entry.type)
    }
    let count = entry.bytes.count / MemoryLayout<Element>.stride
    let values = [Element](unsafeUninitializedCapacity: count) { elements, initializedCount in
      // Copied, because the bytes of an entry may be unaligned.
      entry.bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(elements).copyMemory(from: $0) }
      initializedCount = count
    }
    return (entry.shape, values)
  }

  /// Appends a tensor of type F32.
  ///
  /// - Parameters:
  ///   - name: Unique name.
  ///   - shape: Dimensions; their product is the number of elements.
  ///   - floats: Row-major elements.
  public mutating func append(_ name: String, shape: [Int], floats: [Float]) {
    append(Entry(name: name, type: .f32, shape: shape, bytes: Self.bytes(of: floats)))
  }

  /// Appends a tensor of type I64.
  ///
  /// - Parameters:
  ///   - name: Unique name.
  ///   - shape: Dimensions; their product is the number of elements.
  ///   - integers: Row-major elements.
  public mutating func append(_ name: String, shape: [Int], integers: [Int]) {
    let bytes = Self.bytes(of: integers.map { Int64($0) })
    append(Entry(name: name, type: .i64, shape: shape, bytes: bytes))
  }

  private static func bytes(of elements: [some BitwiseCopyable]) -> ArraySlice<UInt8> {
    elements.withUnsafeBytes { ArraySlice($0) }
  }

  private mutating func append(_ entry: Entry) {
    precondition(
      entry.name != SafetensorsHeader.metadataName && positions[entry.name] == nil,
      "the tensor name \(entry.name.quoted) is taken")
    precondition(
      entry.shape.allSatisfy { $0 >= 0 }
        && entry.type.byteCount(shape: entry.shape) == entry.bytes.count,
      "tensor \(entry.name.quoted) of shape \(entry.shape) and type \(entry.type)"
        + " cannot hold \(entry.bytes.count / entry.type.byteCount) elements")
    positions[entry.name] = entries.count
    entries.append(entry)
  }

  /// Encodes the tensors and metadata.
  ///
  /// - Returns: The bytes of the file, which depend only on metadata and tensors.
  public func encoded() -> [UInt8] {
    pieces.reduce(into: []) { $0 += $1 }
  }

  /// Writes a file atomically.
  ///
  /// - Parameter path: Path of the file; its directory must exist.
  /// - Throws: `FileError`; an existing file is then unchanged.
  public func write(to path: String) throws(FileError) {
    try AtomicFile.write(pieces: pieces, to: path)
  }

  private var pieces: [ArraySlice<UInt8>] {
    let header = SafetensorsHeader.encoded(
      metadata: metadataWithChecksums, entries: entries)
    return [header[...]] + entries.map(\.bytes)
  }
}
