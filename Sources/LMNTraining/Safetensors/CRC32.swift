/// CRC-32 of ISO 3309, as in zlib, gzip and PNG.
struct CRC32: CustomStringConvertible {
  private let value: UInt32

  /// The checksum of `bytes`.
  init(_ bytes: some Collection<UInt8>) {
    value =
      bytes.withContiguousStorageIfAvailable { Self.remainder(of: UnsafeRawBufferPointer($0)) }
      ?? Array(bytes).withUnsafeBytes(Self.remainder)
  }

  /// Eight bytes at a time, each looked up in the table for its distance from the last one.
  private static func remainder(of bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = bytes.baseAddress else { return 0 }
    return tables.withUnsafeBufferPointer { tables in
      let table = tables.baseAddress!
      func entry(_ row: Int, _ word: UInt64) -> UInt32 {
        table[row &<< 8 &+ Int(truncatingIfNeeded: word & 0xFF)]
      }
      var remainder = UInt32.max
      var index = 0
      while index &+ 8 <= bytes.count {
        let next = base.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        let word = next ^ UInt64(remainder)
        let first = entry(7, word) ^ entry(6, word &>> 8) ^ entry(5, word &>> 16)
        let second = entry(4, word &>> 24) ^ entry(3, word &>> 32) ^ entry(2, word &>> 40)
        remainder = first ^ second ^ entry(1, word &>> 48) ^ entry(0, word &>> 56)
        index &+= 8
      }
      while index < bytes.count {
        remainder = entry(0, UInt64(remainder) ^ UInt64(bytes[index])) ^ remainder &>> 8
        index &+= 1
      }
      return ~remainder
    }
  }

  /// Eight tables of 256 remainders: of a byte, and of a byte with 1 to 7 zeros after it.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in UInt32(0)..<256 {
      var remainder = byte
      for _ in 0..<8 {
        let hasTerm = remainder & 1 == 1
        remainder >>= 1
        if hasTerm { remainder ^= 0xEDB8_8320 }
      }
      tables.append(remainder)
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables.append(tables[Int(before & 0xFF)] ^ before >> 8)
    }
    return tables
  }()

  /// Eight hexadecimal digits.
  var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
