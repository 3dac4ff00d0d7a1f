import LMNMemories
import LMNModel

/// A configuration composed of values that follow from tensor shapes, and of explicit ones.
struct InferredConfiguration {
  /// Values by configuration key.
  private var values: [String: JSONValue] = [:]

  /// Values that follow from the names and shapes of a published state dict.
  init(layout: [(name: String, shape: [Int])]) {
    let shapes = Dictionary(uniqueKeysWithValues: layout.map { ($0.name, $0.shape) })
    func shape(_ name: String, rank: Int) -> [Int]? {
      guard let shape = shapes[name], shape.count == rank else { return nil }
      return shape
    }
    let blocks = Set(layout.compactMap { Self.block(of: $0.name) })
    if !blocks.isEmpty { self["layers"] = blocks.count }
    guard let table = shape("token_embedding_table.weight", rank: 2), table[1] > 0 else { return }
    let width = table[1]
    (self["vocab"], self["width"]) = (table[0], width)
    if let positions = shape("position_embedding_table.weight", rank: 2) {
      values["positions"] = .text("learned")
      self["maximumLength"] = positions[0]
    }
    guard let first = blocks.min() else { return }
    if let inner = shape("blocks.\(first).feedforward.0.weight", rank: 2) {
      self["feedForward"] = inner[0] / width
    }
    if let expander = shape("blocks.\(first).expander.conv_transpose.weight", rank: 3) {
      self["expand"] = expander[2] - 1
    }
    let summarizer = "blocks.\(first).summarizer."
    if let weight = shape(summarizer + "weight", rank: 3) {
      setSummarizer("linear", banks: weight[0], arity: weight[1] / width)
    } else if let weight = shape(summarizer + "depthwise.weight", rank: 3) {
      setSummarizer("depthwiseSeparable", banks: weight[0], arity: weight[2])
    } else if let weight = shape(summarizer + "conv.weight", rank: 3) {
      // With one bank there is one group, and both kinds are the same.
      let kind = weight[1] == width ? "convGrouped" : "convFull"
      setSummarizer(kind, banks: weight[0] / width, arity: weight[2])
    }
    if let bias = shape("blocks.\(first).level_bias", rank: 2) {
      values["levelBias"] = .truth(true)
      (self["maximumLevels"], self["heads"]) = (bias[0] - 1, bias[1])
    }
    if let bias = shape("blocks.\(first).window_bias", rank: 2) {
      values["windowBias"] = .truth(true)
      (self["window"], self["heads"]) = (bias[0], bias[1])
    }
  }

  /// The number in `blocks.NUMBER.…`.
  private static func block(of name: String) -> Int? {
    let words = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    return words.count == 3 && words[0] == "blocks" ? Int(words[1]) : nil
  }

  private mutating func setSummarizer(_ kind: String, banks: Int, arity: Int) {
    values["summarizer"] = .text(kind)
    (self["banks"], self["arity"]) = (banks, arity)
  }

  /// Makes the head's weight the embedding table.
  mutating func tieHead() { values["tiedHead"] = .truth(true) }

  /// A sentence about the first number that a JSON object gives and that differs from the one here;
  /// nil without such a number.
  func contradiction(with json: String, source: String) throws(ConfigurationError) -> String? {
    let others = try [String: JSONValue](configuration: json)
    for key in values.keys.sorted() {
      guard let own = self[key], case .number(let other) = others[key], other != Double(own) else {
        continue
      }
      return "\(key) is \(Int(exactly: other).map(String.init) ?? "\(other)"), but the tensors of "
        + "\(source) have the shapes of \(key) \(own)"
    }
    return nil
  }

  /// The integer value of a key.
  subscript(key: String) -> Int? {
    get { if case .number(let number) = values[key] { Int(exactly: number) } else { nil } }
    set { values[key] = newValue.map { .number(Double($0)) } }
  }

  /// Overrides values by those of a JSON object; memories that it gives replace the inferred one.
  mutating func merge(json: String) throws(ConfigurationError) {
    let others = try [String: JSONValue](configuration: json)
    if Self.hasMemories(others) {
      for key in LogarithmicMemory.Settings.fields.map(\.key) { values[key] = nil }
    }
    values.merge(others) { $1 }
  }

  private static func hasMemories(_ values: [String: JSONValue]) -> Bool {
    values["memory"] != nil || values["memories"] != nil
  }

  /// Required keys without a value.
  var unknownKeys: [String] {
    let ofMemory = ["heads", "banks", "summarizer"]
    return ["vocab", "width", "heads", "layers", "banks", "feedForward", "summarizer"].filter {
      values[$0] == nil && !(Self.hasMemories(values) && ofMemory.contains($0))
    }
  }

  /// The resulting configuration.
  func configuration() throws -> Configuration {
    let configuration: Configuration = try values.decoded()
    try configuration.validate()
    return configuration
  }
}
