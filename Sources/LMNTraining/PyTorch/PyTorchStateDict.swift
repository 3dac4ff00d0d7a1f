import LMNKernels
import LMNLayers

/// Weights of a PyTorch model in a safetensors file, under the names of the published code.
struct PyTorchStateDict {
  /// Metadata of the file.
  var metadata: [String: String] { file.metadata }
  /// Names and shapes of the tensors.
  private(set) var layout: [(name: String, shape: [Int])]

  private let file: Safetensors
  /// Common prefix of the names in the file.
  private let prefix: String

  init(contentsOf path: String) throws(SafetensorsError) {
    file = try Safetensors(contentsOf: path)
    let names = file.entries.map(\.name)
    let prefix = Self.wrapping(of: names)
    self.prefix = prefix
    layout = file.entries.map { (String($0.name.dropFirst(prefix.count)), $0.shape) }
  }

  /// Common prefix of wrapper modules: `DistributedDataParallel`, an attribute `model`,
  /// `torch.compile`.
  private static func wrapping(of names: [String]) -> String {
    var prefix = ""
    while let wrapper = ["module.", "model.", "_orig_mod."].first(where: { wrapper in
      !names.isEmpty && names.allSatisfy { $0.hasPrefix(prefix + wrapper) }
    }) {
      prefix += wrapper
    }
    return prefix
  }

  /// Whether query, key and value have separate maps.
  var hasSeparateProjections: Bool {
    layout.contains { PublishedProjection($0.name)?.part != nil }
  }

  /// All tensors, rounded to float32.
  func tensors() throws(SafetensorsError) -> StateDictionary {
    var pairs: [(name: String, tensor: Tensor)] = []
    for (name, _) in layout {
      let (shape, values) = try file.roundedFloats(prefix + name)
      pairs.append((name, Tensor(shape: shape, scalars: values)))
    }
    return StateDictionary(pairs)
  }

  /// Removes a tensor if its bits equal those of another one.
  mutating func leaveOut(_ name: String, equalTo other: String) {
    guard let entry = file[prefix + name], let original = file[prefix + other],
      entry.type == original.type, entry.shape == original.shape, entry.bytes == original.bytes
    else { return }
    layout.removeAll { $0.name == name }
  }
}

/// Name of a weight or bias of the query, key and value maps: fused, `blocks.0.qkv.weight`, or
/// separate, `blocks.0.sva.q.weight`.
private struct PublishedProjection {
  static let parts = ["q", "k", "v"]

  let block, kind: Substring
  /// Index of a separate map among query, key and value; nil for a fused one.
  let part: Int?

  init?(_ name: String) {
    let words = name.split(separator: ".", omittingEmptySubsequences: false)
    guard words.count >= 4, words[0] == "blocks", ["weight", "bias"].contains(words.last) else {
      return nil
    }
    (block, kind) = (words[1], words.last!)
    switch words[2..<words.count - 1] {
    case ["qkv"]: part = nil
    case ["sva", "q"]: part = 0
    case ["sva", "k"]: part = 1
    case ["sva", "v"]: part = 2
    default: return nil
    }
  }

  var fusedName: String { "blocks.\(block).qkv.\(kind)" }
  func name(of part: Int) -> String { "blocks.\(block).sva.\(Self.parts[part]).\(kind)" }
}

extension StateDictionary {
  /// The dictionary with separate maps for query, key and value.
  func separatingProjections() -> StateDictionary {
    StateDictionary(
      zip(names, tensors).flatMap { name, tensor -> [(name: String, tensor: Tensor)] in
        guard let projection = PublishedProjection(name), projection.part == nil else {
          return [(name, tensor)]
        }
        let (rows, inner) = (tensor.shape[0] / 3, tensor.shape.dropFirst())
        let (scalars, size) = (tensor.scalars, tensor.count / 3)
        return (0..<3).map { part in
          let values = Array(scalars[part * size..<(part + 1) * size])
          return (projection.name(of: part), Tensor(shape: [rows] + inner, scalars: values))
        }
      })
  }

  /// The dictionary with fused maps; the inverse of ``separatingProjections()``.
  func fusingProjections() -> StateDictionary {
    StateDictionary(
      zip(names, tensors).compactMap { name, tensor -> (name: String, tensor: Tensor)? in
        guard let projection = PublishedProjection(name), let part = projection.part else {
          return (name, tensor)
        }
        guard part == 0 else { return nil }
        let scalars = (0..<3).flatMap { self[projection.name(of: $0)]!.scalars }
        let shape = [3 * tensor.shape[0]] + tensor.shape.dropFirst()
        return (projection.fusedName, Tensor(shape: shape, scalars: scalars))
      })
  }
}
