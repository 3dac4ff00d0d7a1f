/// Checksum that identifies data: FNV-1a with 64 bits; not cryptographic.
package struct Fingerprint: CustomStringConvertible {
  package init() {}

  private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  package mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  mutating func add(_ words: some Sequence<UInt32>) {
    for word in words { hash = (hash ^ UInt64(word)) &* 0x100_0000_01b3 }
  }

  package var description: String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
