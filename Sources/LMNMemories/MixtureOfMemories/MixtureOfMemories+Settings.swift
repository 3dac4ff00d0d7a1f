public import LMNLayers

extension MixtureOfMemories {
  /// Sizes and kinds of a mixture of memories.
  public struct Settings: MemorySettings {
    /// `mixtureOfMemories`.
    public static let kind = "mixtureOfMemories"
    /// Largest number of memories.
    public static let mostMemories = 256
    /// Settings of every memory.
    public var linear = LinearMemory.Settings()
    /// M: memories that the router chooses from.
    public var memories = 4
    /// k: memories that a token is routed to.
    public var topK = 2
    /// Whether one more memory receives every token.
    public var shared = true
    /// Whether all memories share the projections of keys, values, step sizes and decays.
    public var sharedProjections = false

    /// The published mixture: two of four memories, and a shared one.
    public init() {}

    /// Memories of a stream, the shared one included.
    public var states: Int { memories + (shared ? 1 : 0) }

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] {
      LinearMemory.Settings.fields(of: \.linear) + [
        .required("memories", \.memories),
        .required("topK", \.topK),
        .optional("shared", \.shared),
        .optional("sharedProjections", \.sharedProjections),
      ]
    }

    /// Throws unless the settings are valid.
    public func validate(width: Int) throws(ConfigurationError) {
      try linear.validate(width: width)
      let range = 1...Self.mostMemories
      if !range.contains(memories) {
        throw .outOfRange(key: "memories", value: memories, range: range)
      }
      if !(1...memories).contains(topK) {
        throw .outOfRange(key: "topK", value: topK, range: 1...memories)
      }
    }

    /// A mixture with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      MixtureOfMemories(width: width, self, using: &source)
    }
  }
}
