import LMNKernels
import LMNLayers

/// Weights of a PyTorch model in a safetensors file, under the names of the published code.
struct PyTorchStateDict {
  static let table = "token_embedding_table.weight"
  static let head = "lm_head.weight"

  /// Metadata of the file.
  var metadata: [String: String] { file.metadata }
  /// Names and shapes of the tensors.
  private(set) var layout: [(name: String, shape: [Int])]
  /// Prefix of names in the file that the published names do not have, such as `module.`.
  let prefix: String

  private let file: Safetensors
  /// Names in the file, by published name.
  private let sources: [String: String]

  init(contentsOf path: String) throws {
    let file = try Safetensors(contentsOf: path)
    // safetensors' save_model saves tensors that share memory once, with their other names in the
    // metadata.
    let aliases = file.metadata.filter { file[$0.key] == nil && file[$0.value] != nil }
    let names = file.entries.map(\.name) + aliases.keys.sorted()
    let prefixes = Self.prefixes(of: names)
    guard prefixes.count < 2 else {
      throw ConversionError.severalPrefixes(file: path, prefixes: prefixes)
    }
    var prefix = prefixes.first ?? ""
    let published = names.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
    if Set(published).count < names.count { prefix = "" }
    (self.file, self.prefix) = (file, prefix)
    var (layout, sources) = ([(name: String, shape: [Int])](), [String: String]())
    for (name, published) in zip(names, prefix.isEmpty ? names : published) {
      let source = aliases[name] ?? name
      layout.append((published, file[source]!.shape))
      sources[published] = source
    }
    (self.layout, self.sources) = (layout, sources)
  }

  /// Words before the name of the embedding table, as wrapper modules add them; none where a table
  /// has its published name.
  private static func prefixes(of names: [String]) -> [String] {
    if names.contains(table) { return [] }
    return names.filter { $0.hasSuffix(".\(table)") }.map { String($0.dropLast(table.count)) }
  }

  /// Whether the weight of the head is the embedding table, saved once.
  var hasTiedHead: Bool {
    guard let table = sources[Self.table] else { return false }
    // A configuration tells it, too.
    return sources[Self.head].map { $0 == table } ?? (metadata["config"] == nil)
  }

  /// Whether query, key and value have separate maps.
  var hasSeparateProjections: Bool {
    layout.contains { PublishedProjection($0.name)?.part != nil }
  }

  /// All tensors, rounded to float32.
  func tensors() throws(SafetensorsError) -> StateDictionary {
    var pairs: [(name: String, tensor: Tensor)] = []
    for (name, _) in layout {
      let (shape, values) = try file.roundedFloats(sources[name]!)
      pairs.append((name, Tensor(shape: shape, scalars: values)))
    }
    return StateDictionary(pairs)
  }

  /// Removes a tensor if its bits equal those of another one.
  mutating func leaveOut(_ name: String, equalTo other: String) {
    guard let entry = sources[name].flatMap({ file[$0] }),
      let original = sources[other].flatMap({ file[$0] }), entry.type == original.type,
      entry.shape == original.shape, entry.bytes == original.bytes
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
