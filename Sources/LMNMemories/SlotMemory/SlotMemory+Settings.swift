internal import LMNKernels
public import LMNLayers

extension SlotMemory {
  /// Sizes and kinds of a slot memory.
  public struct Settings: MemorySettings {
    /// `slots`.
    public static let kind = "slots"
    /// k: slots.
    public var slots = 16
    /// S: tokens of a segment.
    public var segment = 64
    /// H: heads of reading and of writing, a divisor of the width.
    public var heads = 4
    /// Temperature of writing, above 0 and at most 1.
    public var temperature: Float = 0.25
    /// Whether a slot that is rewritten moves towards its initial value.
    public var forgetting = true

    /// Sixteen slots, segments of 64 tokens.
    public init() {}

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] {
      [
        .required("slots", \.slots),
        .required("segment", \.segment),
        .required("heads", \.heads),
        .optional("temperature", \.temperature),
        .optional("forgetting", \.forgetting),
      ]
    }

    /// Throws unless the settings are valid for a memory of the given width.
    public func validate(width: Int) throws(ConfigurationError) {
      let most = CausalAttentionShape.mostHeadWidth
      let ranges = [
        ("slots", slots, 1...4096), ("segment", segment, 1...SegmentAttentionShape.mostTokens),
        ("heads", heads, (width + most - 1) / most...ConfigurationError.largestSize),
      ]
      for (key, value, range) in ranges where !range.contains(value) {
        throw .outOfRange(key: key, value: value, range: range)
      }
      if !width.isMultiple(of: heads) { throw .indivisible(width: width, heads: heads) }
      if !(temperature > 0 && temperature <= 1) { throw .impossibleTemperature(temperature) }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      SlotMemory(width: width, self, using: &source)
    }
  }
}
