public import LMNKernels
public import LMNLayers
public import LMNMemories

extension Trunk {
  /// Sizes and kinds of a trunk.
  public struct Settings: Sendable, Equatable {
    /// E: width, the features of a token.
    public var width = 32
    /// Number of blocks, counting shared ones repeatedly.
    public var layers = 4
    /// Number of blocks with parameters of their own, which the others share in turn (arXiv
    /// 1909.11942); nil for all.
    public var distinctLayers: Int?
    /// f: inner width of the feed-forward layer, in units of the width.
    public var feedForward = 4
    /// The memory of every block, or one per block.
    public var memories = [MemoryConfiguration(LogarithmicMemory.Settings())]
    /// Activation of the feed-forward layer.
    public var activation = Activation.silu
    /// Norm before memory and feed-forward layer.
    public var norm = Norm.Kind.rms
    /// Position encoding, added to the embedded input.
    public var positions = Positions.Kind.none
    /// Number of learned positions; nil unless positions are learned.
    public var maximumLength: Int?
    /// Dropout rate in training, of the embedded input and the outputs of memory and feed-forward
    /// layer.
    public var dropout: Float = 0

    /// The sizes of the published network with 71,489 parameters.
    public init() {}
  }
}

extension Trunk.Settings {
  /// The memory of a block.
  public func memory(ofBlock index: Int) -> MemoryConfiguration {
    memories[index % memories.count]
  }

  /// Settings of the logarithmic memories.
  ///
  /// Reads those of the first one, or the defaults where there is none; sets those of all.
  public var logarithmic: LogarithmicMemory.Settings {
    get { memories.lazy.compactMap { $0.settings as? LogarithmicMemory.Settings }.first ?? .init() }
    set {
      for index in memories.indices where memories[index].settings is LogarithmicMemory.Settings {
        memories[index].settings = newValue
      }
    }
  }

  /// One setting of all memories of a kind.
  ///
  /// Reads that of the first one, or the default where there is none; sets that of all.
  public subscript<Settings: MemorySettings, Value>(
    each field: WritableKeyPath<Settings, Value>
  ) -> Value {
    get {
      let first = memories.lazy.compactMap { $0.settings as? Settings }.first
      return (first ?? Settings())[keyPath: field]
    }
    set {
      for index in memories.indices {
        guard var settings = memories[index].settings as? Settings else { continue }
        settings[keyPath: field] = newValue
        memories[index].settings = settings
      }
    }
  }

  /// Kinds of memory, one for all blocks or one per block.
  ///
  /// Setting them keeps the settings of kinds that are present, and repeats the kinds over the
  /// layers; equal memories become one for all blocks.
  public var memoryKinds: [String] {
    get { memories.map(\.kind) }
    set {
      let known = memories
      let new = newValue.compactMap { kind in
        known.first { $0.kind == kind } ?? MemoryConfiguration(kind: kind)
      }
      precondition(new.count == newValue.count, "Trunk.Settings: unknown kinds in \(newValue)")
      let areEqual = new.dropFirst().allSatisfy { $0 == new[0] }
      memories = areEqual ? Array(new.prefix(1)) : (0..<layers).map { new[$0 % new.count] }
    }
  }

  /// Throws unless a trunk can have these settings.
  func validate() throws(ConfigurationError) {
    let ranges = [
      ("width", width, 1...ConfigurationError.largestSize), ("layers", layers, 1...Self.mostLayers),
      ("feedForward", feedForward, 1...8),
    ]
    for (key, size, range) in ranges where !range.contains(size) {
      throw .outOfRange(key: key, value: size, range: range)
    }
    guard memories.count == 1 || memories.count == layers else {
      throw .mismatchedMemories(count: memories.count, layers: layers)
    }
    if let distinctLayers {
      guard (1...layers).contains(distinctLayers) else {
        throw .outOfRange(key: "distinctLayers", value: distinctLayers, range: 1...layers)
      }
      for index in distinctLayers..<layers
      where memory(ofBlock: index) != memory(ofBlock: index % distinctLayers) {
        throw .sharedByMemories(layer: index, with: index % distinctLayers)
      }
    }
    for memory in memories { try memory.settings.validate(width: width) }
    switch (positions, maximumLength) {
    case (.learned, let length?) where !(1...ConfigurationError.largestSize).contains(length):
      throw .outOfRange(
        key: "maximumLength", value: length, range: 1...ConfigurationError.largestSize)
    case (.learned, nil): throw .missingMaximumLength
    case (.none, let length?), (.sinusoidal, let length?):
      throw .pointlessMaximumLength(length, positions: positions)
    default: break
    }
    if !(0..<1).contains(dropout) { throw .impossibleDropout(dropout) }
    var source = ParameterSource.describing
    _ = Trunk(self, using: &source)
    if source.count == nil { throw .tooLarge }
  }

  /// Upper limit of the number of blocks.
  static var mostLayers: Int { 1 << 12 }

  /// Throws when a stream of `tokens` tokens is too long for the learned positions.
  public func expectPositions(for tokens: Int) throws(ConfigurationError) {
    if let maximumLength, tokens > maximumLength {
      throw .beyondLastPosition(tokens: tokens, maximumLength: maximumLength)
    }
  }
}
