public import LMNKernels
public import LMNLayers

/// Update of the state of a linear-attention memory by a token, before it is read.
public enum LinearRule: String, Sendable, Codable, CaseIterable {
  /// Linear attention (arXiv 2006.16236): `S ← S + kᵀv`.
  case linear
  /// Gated linear attention (arXiv 2312.06635): a decay per row, `S ← diag(exp g) · S + kᵀv`.
  case gatedLinear
  /// Delta rule (arXiv 2406.06484): `S ← S + kᵀ · β(v − k·S)`.
  case delta
  /// Gated delta rule (arXiv 2412.06464): `S ← exp(g) · S`, then the delta rule.
  case gatedDelta

  /// Whether the rule has step sizes β.
  var hasBeta: Bool { self == .delta || self == .gatedDelta }
}

extension LinearMemory {
  /// Sizes and kinds of a linear-attention memory.
  public struct Settings: MemorySettings {
    /// `linear`.
    public static let kind = "linear"
    /// Update rule of the state.
    public var rule = LinearRule.gatedDelta
    /// H: number of heads.
    public var heads = 4
    /// d_k: width of queries and keys of a head.
    public var keyWidth = 8
    /// d_v: width of the values of a head.
    public var valueWidth = 8
    /// Map of queries and keys.
    public var featureMap = FeatureMap.identity
    /// Whether queries and keys are divided by their L2 norm.
    public var normalize = true
    /// W: taps of the short convolution of queries, keys and values; 0 for none.
    public var convolution = 4
    /// Whether the output is multiplied by a gate.
    public var outputGate = true
    /// R: inner width of the map that gives the decays of ``LinearRule/gatedLinear``.
    public var decayRank = 16
    /// τ: divisor of the log-decays of ``LinearRule/gatedLinear``.
    public var decayNormalizer: Float = 16

    /// A gated delta rule for a width of 32.
    public init() {}

    /// JSON keys.
    public static var fields: [SettingsField<Settings>] { fields(of: \.self) }

    /// JSON keys of the settings at `part`.
    static func fields<Whole: MemorySettings>(
      of part: WritableKeyPath<Whole, Settings>
    ) -> [SettingsField<Whole>] {
      [
        .required("rule", part.appending(path: \.rule)),
        .required("heads", part.appending(path: \.heads)),
        .required("keyWidth", part.appending(path: \.keyWidth)),
        .required("valueWidth", part.appending(path: \.valueWidth)),
        .optional("featureMap", part.appending(path: \.featureMap)),
        .optional("normalize", part.appending(path: \.normalize)),
        .optional("convolution", part.appending(path: \.convolution)),
        .optional("outputGate", part.appending(path: \.outputGate)),
        .optional("decayRank", part.appending(path: \.decayRank)),
        .optional("decayNormalizer", part.appending(path: \.decayNormalizer)),
      ]
    }

    /// Throws unless the settings are valid.
    public func validate(width: Int) throws(ConfigurationError) {
      let ranges: [(String, Int, ClosedRange<Int>)] = [
        ("heads", heads, 1...mostHeads), ("keyWidth", keyWidth, 1...mostHeadWidth),
        ("valueWidth", valueWidth, 1...mostHeadWidth), ("convolution", convolution, 0...mostTaps),
        ("decayRank", decayRank, 1...ConfigurationError.largestSize),
      ]
      for (key, value, range) in ranges where !range.contains(value) {
        throw .outOfRange(key: key, value: value, range: range)
      }
      if !(decayNormalizer > 0 && decayNormalizer.isFinite) {
        throw .notPositive(key: "decayNormalizer", value: decayNormalizer)
      }
      if rule != .gatedLinear {
        let usual = Settings()
        for (key, isUsual) in [
          ("decayRank", decayRank == usual.decayRank),
          ("decayNormalizer", decayNormalizer == usual.decayNormalizer),
        ] where !isUsual {
          throw .meaningless(key: key, without: "the rule gatedLinear")
        }
      }
    }

    /// A memory with these settings.
    public func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      LinearMemory(width: width, self, using: &source)
    }
  }
}
