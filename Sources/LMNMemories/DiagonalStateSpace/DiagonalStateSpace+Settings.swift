public import LMNLayers

extension DiagonalStateSpace {
  /// Size of a diagonal state space memory.
  public struct Settings: MemorySettings {
    /// `stateSpace`.
    public static let kind = "stateSpace"
    /// N: real state values of a channel, an even number: N / 2 complex states.
    public var stateWidth: Int

    /// The published state width.
    public init() { self.init(stateWidth: 64) }

    /// A state of the given width.
    public init(stateWidth: Int) { self.stateWidth = stateWidth }

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] { [.optional("stateWidth", \.stateWidth)] }

    /// Throws unless the state width is even and in range.
    public func validate(width: Int) throws(ConfigurationError) {
      let range = 2...4096
      if !range.contains(stateWidth) {
        throw .outOfRange(key: "stateWidth", value: stateWidth, range: range)
      }
      if !stateWidth.isMultiple(of: 2) { throw .odd(key: "stateWidth", value: stateWidth) }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      DiagonalStateSpace(width: width, self, using: &source)
    }
  }
}
