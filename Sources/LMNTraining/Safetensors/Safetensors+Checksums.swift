/// Checksums of a file, in its metadata: CRC-32 of the bytes of each tensor under
/// `lmn_crc32.NAME`, and of all else that the header says under `lmn_crc32`.
///
/// They do not depend on the order of the tensors, so other programs may write the file anew with
/// the same metadata.
extension Safetensors {
  private static let key = "lmn_crc32"

  private static func key(of tensor: String) -> String { "\(key).\(tensor)" }

  private static func isKey(_ key: String) -> Bool {
    // By bytes: the dot may be a part of the first character of a name.
    key == Self.key || key.utf8.starts(with: Self.key(of: "").utf8)
  }

  /// The metadata with the checksums of all tensors.
  var metadataWithChecksums: [String: String] {
    var result = metadata.filter { !Self.isKey($0.key) }
    for entry in entries { result[Self.key(of: entry.name)] = CRC32(entry.bytes).description }
    result[Self.key] = checksum(ofHeaderWith: result)
    return result
  }

  /// CRC-32 of metadata, names, types and shapes.
  private func checksum(ofHeaderWith metadata: [String: String]) -> String {
    let text = SafetensorsHeader.text(
      metadata: metadata,
      members: entries.sorted { $0.name < $1.name }.map {
        SafetensorsHeader.member(of: $0, details: "")
      })
    return CRC32(text.utf8).description
  }

  /// Removes the checksums from the metadata.
  ///
  /// - Throws: `SafetensorsError.malformed` where one does not agree with the file; nothing in files
  ///   without checksums.
  mutating func removeChecksums() throws(SafetensorsError) {
    let found = metadata.filter { Self.isKey($0.key) }
    guard !found.isEmpty else { return }
    for entry in entries {
      guard found[Self.key(of: entry.name)] == CRC32(entry.bytes).description else {
        throw .malformed(
          file: file, tensor: entry.name,
          problem: "does not agree with its checksum: the file is damaged, or was changed by a "
            + "program that does not know checksums")
      }
    }
    let stored = metadata.removeValue(forKey: Self.key)
    guard stored == checksum(ofHeaderWith: metadata) else {
      throw .malformed(
        file: file, tensor: nil,
        problem: "the header does not agree with its checksum: the file is damaged, or was changed "
          + "by a program that does not know checksums")
    }
    for key in found.keys { metadata[key] = nil }
  }
}
