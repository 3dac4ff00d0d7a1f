import FoundationEssentials
import LMN

/// Reader of the states of `lmn generate`.
struct StateTarget: FuzzTarget {
  static let name = "state"

  private let models: [LanguageModel]
  private let directory: String

  init() throws {
    let tokenizer = Tokenizer.characters(try Vocabulary(of: Array("the catë🙂".utf8)))
    var tree = Configuration(vocabularySize: tokenizer.vocabularySize)
    (tree.width, tree.layers) = (4, 1)
    (tree.logarithmic.heads, tree.logarithmic.banks) = (2, 1)
    var hybrid = tree
    (tree.positions, tree.maximumLength) = (.learned, 64)
    // Memories whose states have the same shape at every position.
    var attention = CausalAttention.Settings()
    (attention.heads, attention.window) = (2, 3)
    var space = DiagonalStateSpace.Settings()
    space.stateWidth = 2
    hybrid.memories = [MemoryConfiguration(attention), MemoryConfiguration(space)]
    hybrid.layers = 2
    models = try [tree, hybrid].map { configuration in
      try configuration.validate()
      var source = ParameterSource(seed: 1)
      let network = try LanguageNetwork(configuration, using: &source)
      return LanguageModel(network: network, tokenizer: tokenizer)
    }
    directory = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
  }

  func seeds() throws -> [[UInt8]] {
    try models.flatMap { model in
      try ["t", "the cat "].map { text in
        var generation = Generation(model, seed: 1)
        try generation.read(Array(text.utf8))
        return try saved(generation, "seed")
      }
    }.flatMap { seed in
      // The last position that is accepted, and bytes held back.
      var late = try Safetensors(decoding: seed)
      late.metadata["position"] = "\((1 << 47) - 1)"
      late.metadata["held_back"] = "f0 9f"
      return [splitForm(of: seed), splitForm(of: late.encoded())]
    }
  }

  func check(_ input: [UInt8]) {
    let path = "\(directory)/input"
    for model in models {
      do {
        try AtomicFile.write(safetensors(fromSplitForm: input), to: path)
        guard var restored = try? generation(of: model, from: path) else { continue }
        let written = try saved(restored, "saved")
        var again = try generation(of: model, from: "\(directory)/saved")
        expect(try saved(again, "again") == written, "written again, it differs")
        for _ in 0..<min(3, restored.room) {
          expect(again.write() == restored.write(), "it goes on differently")
        }
        expect(again.finish() == restored.finish(), "it ends differently")
        let later = try saved(again, "again")
        expect(try saved(restored, "saved") == later, "later states differ")
        _ = try generation(of: model, from: "\(directory)/again")
      } catch { fatalError("what was written is refused: \(error)") }
    }
  }

  private func generation(of model: LanguageModel, from path: String) throws -> Generation {
    try Generation(restoring: path, of: model, sampler: Sampler())
  }

  /// Bytes of the file of a state.
  private func saved(_ generation: Generation, _ name: String) throws -> [UInt8] {
    try generation.save(to: "\(directory)/\(name)")
    return try AtomicFile.contents(of: "\(directory)/\(name)")
  }
}
