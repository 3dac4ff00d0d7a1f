/// Formats of files that are given in place of safetensors files.
enum ForeignFormat {
  /// A sentence about the format of a file that is no safetensors file, with a way to convert it;
  /// nil if the format is unknown.
  ///
  /// - Parameters:
  ///   - prefix: First bytes of the file, up to eight.
  ///   - file: Path of the file, if known.
  /// - Returns: The sentence.
  static func problem(ofFileBeginning prefix: some Collection<UInt8>, file: String?) -> String? {
    let prefix = Array(prefix)
    if let (_, format, remedy) = magics.first(where: { prefix.starts(with: $0.magic) }) {
      return "it is \(format), not safetensors" + (remedy.map { "; \($0)" } ?? "")
    }
    if prefix.starts(with: zip) { return pickled("a zip archive, as torch.save writes", file) }
    if isPickle(prefix) { return pickled("a Python pickle", file) }
    // The last character may be cut off.
    let text = Array(prefix.withoutMark.dropLast(prefix.incompleteTail))
    let isText =
      !text.isEmpty && String(validating: text, as: UTF8.self) != nil
      && text.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (9...13).contains($0) }
    guard isText else { return nil }
    let first = text.first { $0 > 0x20 }
    let isJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    return "it is \(isJSON ? "JSON" : "a text"), not safetensors"
  }

  /// The sentence about a file that PyTorch reads.
  private static func pickled(_ format: String, _ file: String?) -> String {
    let name = file ?? "model.pt"
    return "it is \(format), not safetensors; convert it: python3 -c \"import sys, torch; "
      + "from safetensors.torch import save_file; "
      + "save_file({name: value.contiguous().clone() for name, value in "
      + "torch.load(sys.argv[1], map_location='cpu', weights_only=True).items()}, sys.argv[2])\" "
      + "\(name) \(name).safetensors"
  }

  private static let zip = Array("PK\u{3}\u{4}".utf8)

  /// Whether a file begins like a pickle of protocol 2 or later.
  private static func isPickle(_ prefix: [UInt8]) -> Bool {
    prefix.count > 1 && prefix[0] == 0x80 && (2...5).contains(prefix[1])
  }

  private static let magics: [(magic: [UInt8], format: String, remedy: String?)] = [
    (Array("GGUF".utf8), "GGUF", "save the model's weights from PyTorch instead"),
    ([0x89, 0x48, 0x44, 0x46], "HDF5", "read it in Python and save it by safetensors' save_file"),
    (
      [0x93] + Array("NUMPY".utf8), "a NumPy array",
      "save arrays with their names by safetensors.numpy.save_file"
    ),
    ([0x1F, 0x8B, 8], "compressed by gzip", "decompress it: gunzip"),
    (Array("BZh".utf8), "compressed by bzip2", "decompress it: bunzip2"),
    ([0xFD] + Array("7zXZ".utf8), "compressed by xz", "decompress it: unxz"),
    ([0x28, 0xB5, 0x2F, 0xFD], "compressed by zstd", "decompress it: unzstd"),
    (Array("version ".utf8), "a pointer of Git LFS", "fetch the file: git lfs pull"),
    (Array("<!".utf8), "a web page", nil), (Array("<html".utf8), "a web page", nil),
  ]
}
