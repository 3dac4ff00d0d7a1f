internal import LMNKernels
public import LMNLayers

extension CausalAttention {
  /// Sizes and kinds of causal attention.
  public struct Settings: MemorySettings {
    /// `attention`.
    public static let kind = "attention"
    /// H: heads, a divisor of the width.
    public var heads = 4
    /// w: window, the preceding tokens that a token attends to; nil for all.
    public var window: Int?
    /// Whether queries and keys are rotated by their positions.
    public var rotary = false
    /// Base of the rotary frequencies.
    public var rotaryBase = 10_000.0
    /// Whether the projections to query, key and value have a bias.
    public var bias = true
    /// Scale of the scores.
    public var scale = Scale.head

    /// Scale of the scores.
    public enum Scale: String, Sendable, Codable, CaseIterable {
      /// 1 / √D, D being the width of a head.
      case head
      /// 1 / √E, E being the width of a token.
      case width
    }

    /// Four heads over all earlier tokens, without positions.
    public init() {}

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] {
      [
        .required("heads", \.heads),
        .optional("window", \.window),
        .optional("rotary", \.rotary),
        .optional("rotaryBase", \.rotaryBase),
        .optional("bias", \.bias),
        .optional("scale", \.scale),
      ]
    }

    /// Throws unless the settings are valid for a memory of the given width.
    public func validate(width: Int) throws(ConfigurationError) {
      let most = CausalAttentionShape.mostHeadWidth
      let ranges: [(String, Int?, ClosedRange<Int>)] = [
        ("heads", heads, (width + most - 1) / most...ConfigurationError.largestSize),
        ("window", window, 0...ConfigurationError.largestSize),
      ]
      for case (let key, let value?, let range) in ranges where !range.contains(value) {
        throw .outOfRange(key: key, value: value, range: range)
      }
      if !width.isMultiple(of: heads) { throw .indivisible(width: width, heads: heads) }
      let headWidth = width / heads
      if rotary && !headWidth.isMultiple(of: 2) { throw .oddRotary(headWidth: headWidth) }
      if !(rotaryBase > 0 && rotaryBase.isFinite) { throw .impossibleRotaryBase(rotaryBase) }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      CausalAttention(width: width, self, using: &source)
    }

    /// Shape of the attention.
    func shape(width: Int) -> CausalAttentionShape {
      let features = scale == .head ? width / heads : width
      return CausalAttentionShape(
        heads: heads, window: window, scale: 1 / Float(features).squareRoot())
    }
  }
}
