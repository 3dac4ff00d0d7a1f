public import LMNMemories

/// Sizes and kinds of a network; coded as JSON in model files.
///
/// The settings of the trunk can be written without `trunk`: `configuration.width`.
@dynamicMemberLookup
public struct Configuration: Sendable, Equatable {
  /// V: size of the vocabulary; number of channels for a forecaster.
  public var vocabularySize: Int
  /// Whether the head's weight is the embedding table.
  public var tiedHead = false
  /// Factor of the routers' balance loss in the training loss.
  public var balanceScale: Float = 0.01
  /// Settings of the blocks.
  public var trunk = Trunk.Settings()

  /// The sizes of the published network with 71,489 parameters, except the vocabulary.
  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// A setting of the trunk.
  public subscript<Value>(dynamicMember field: WritableKeyPath<Trunk.Settings, Value>) -> Value {
    get { trunk[keyPath: field] }
    set { trunk[keyPath: field] = newValue }
  }

  /// Throws unless a network can have this configuration.
  public func validate() throws(ConfigurationError) {
    let range = 1...Self.largestSize
    if !range.contains(vocabularySize) {
      throw .outOfRange(key: "vocab", value: vocabularySize, range: range)
    }
    if !(balanceScale >= 0 && balanceScale.isFinite) {
      throw .negative(key: "balanceScale", value: balanceScale)
    }
    try trunk.validate()
  }

  /// Upper limit of sizes; keeps the product of two sizes far from overflow.
  public static var largestSize: Int { ConfigurationError.largestSize }
}
