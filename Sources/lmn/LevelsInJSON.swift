import LMN

/// The key `maximumLevels` in the JSON of a configuration: a number, null for a tree without limit,
/// or absent, so that training limits the tree.
enum LevelsInJSON {
  private static let key = "maximumLevels"

  /// Whether the JSON has the key, for any memory.
  static func areGiven(in json: String) throws -> Bool {
    let values = try [String: JSONValue](configuration: json)
    var objects = [values]
    if case .object(let memory) = values["memory"] { objects.append(memory) }
    if case .list(let memories) = values["memories"] {
      objects += memories.compactMap { if case .object(let memory) = $0 { memory } else { nil } }
    }
    return objects.contains { $0[key] != nil }
  }

  /// The JSON of a configuration, with null for trees without limit.
  static func complete(_ configuration: Configuration) throws -> String {
    var values = try [String: JSONValue](configuration: configuration.json)
    func complete(_ memory: [String: JSONValue]) -> [String: JSONValue] {
      memory.merging([key: .nothing]) { given, _ in given }
    }
    if case .list(let memories) = values["memories"] {
      values["memories"] = .list(
        memories.map { memory in
          guard case .object(let fields) = memory,
            fields["kind"] == .text(LogarithmicMemory.Settings.kind)
          else { return memory }
          return .object(complete(fields))
        })
    } else if values["memory"] == nil {
      // The keys of a single logarithmic memory.
      values = complete(values)
    }
    return try Console.json(values)
  }
}
