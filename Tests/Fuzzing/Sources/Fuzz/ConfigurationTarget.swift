import LMN

/// Readers of configurations.
struct ConfigurationTarget: FuzzTarget {
  static let name = "configuration"

  func seeds() throws -> [[UInt8]] {
    var hybrid = Configuration(vocabularySize: 256)
    hybrid.memories = Self.memories
    hybrid.layers = hybrid.memories.count
    (hybrid.positions, hybrid.maximumLength) = (.learned, 512)
    (hybrid.dropout, hybrid.balanceScale) = (0.125, 1.5e-7)
    let one = Self.memories.map { memory in
      var configuration = Configuration(vocabularySize: 31)
      configuration.memories = [memory]
      return configuration
    }
    let texts =
      (one + [hybrid]).map(\.json) + [
        MemformerConfiguration(vocabularySize: 256).json,
        #"{"width": 16, "memory": {"kind": "attention", "heads": 2}}"#, #"{"dropout": 5E-1}"#,
      ]
    return texts.map { Array($0.utf8) }
  }

  private static let memories = [
    MemoryConfiguration(LogarithmicMemory.Settings()),
    MemoryConfiguration(LinearMemory.Settings()),
    MemoryConfiguration(MixtureOfMemories.Settings()),
    MemoryConfiguration(CausalAttention.Settings()),
    MemoryConfiguration(DiagonalStateSpace.Settings()),
    MemoryConfiguration(SlotMemory.Settings()),
  ]

  func check(_ input: [UInt8]) {
    let json = String(decoding: input, as: UTF8.self)
    let start = Configuration(vocabularySize: 256)
    if let merged = try? start.merging(json: json), (try? merged.validate()) != nil {
      checkRoundTrip(merged)
    }
    if let configuration = try? Configuration(json: json) { checkRoundTrip(configuration) }
    if let configuration = try? MemformerConfiguration(json: json) {
      do {
        let again = try MemformerConfiguration(json: configuration.json)
        expect(again == configuration, "written and read again, it differs")
      } catch { fatalError("what was written is refused: \(error)") }
    }
  }

  private func checkRoundTrip(_ configuration: Configuration) {
    do {
      let again = try Configuration(json: configuration.json)
      expect(again == configuration, "written and read again, it differs")
      expect(again.json == configuration.json, "written again, it differs")
      let merged = try Configuration(vocabularySize: 1).merging(json: configuration.json)
      expect(merged == configuration, "merged into another, it differs")
    } catch {
      fatalError("what was written is refused: \(error)")
    }
    // The walk that counts parameters before a model file's memory is allocated.
    guard configuration.layers <= 64 else { return }
    _ = try? ParameterSource.count { try LanguageNetwork(configuration, using: &$0) }
  }
}
