import LMNLayers
import LMNMemories
import LMNModel

/// Named configuration of a network, one line of a recipe's charts.
struct RecipeNetwork: Sendable {
  /// Name in tables and legends.
  let name: String
  var model: Configuration

  /// A network whose blocks have one memory.
  ///
  /// - Parameters:
  ///   - name: Name in tables and legends.
  ///   - settings: The memory.
  ///   - change: Changes its settings.
  init<Settings: MemorySettings>(
    _ name: String, _ settings: Settings.Type, _ change: (inout Settings) -> Void = { _ in }
  ) {
    var memory = Settings()
    change(&memory)
    self.name = name
    model = Configuration(vocabularySize: 65)
    model.memories = [MemoryConfiguration(memory)]
  }

  /// The network with other sizes.
  func with(_ change: (inout Configuration) -> Void) -> RecipeNetwork {
    var network = self
    change(&network.model)
    return network
  }

  /// A network of each kind of memory, with its defaults; attention also with a window.
  static let kinds: [RecipeNetwork] = [
    .init("logarithmic", LogarithmicMemory.Settings.self),
    .init("linear", LinearMemory.Settings.self),
    .init("mixtureOfMemories", MixtureOfMemories.Settings.self),
    .init("attention", CausalAttention.Settings.self) { $0.rotary = true },
    .init("attention, window 64", CausalAttention.Settings.self) {
      ($0.rotary, $0.window) = (true, 64)
    },
    .init("stateSpace", DiagonalStateSpace.Settings.self),
    .init("slots", SlotMemory.Settings.self),
  ]

  /// A network with parameters drawn from a seed.
  func network(seed: UInt64) throws -> LanguageNetwork {
    var generator = SeededGenerator(seed: seed)
    return try generator.drawing { try LanguageNetwork(model, using: &$0) }
  }
}
