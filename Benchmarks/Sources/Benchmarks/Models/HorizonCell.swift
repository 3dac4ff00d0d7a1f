import LMN

/// Training step through several segments, by one way of back-propagation.
struct HorizonCell: ProcessBenchmark {
  /// A way of back-propagation.
  enum Way: String, CaseIterable {
    /// All segments at once.
    case full
    /// One segment at a time, by memory replay.
    case replay
    /// All segments at once, with the intermediate values of each layer computed again.
    case recomputation
    /// All segments at once, with the intermediate values of each segment computed again.
    case checkpointing
  }

  /// A model of four layers of width 32.
  enum Model {
    /// A network of blocks with this memory.
    case network(any MemorySettings)
    /// A Memformer with two layers in each of its halves.
    case memformer
  }

  /// Tokens of a segment.
  static let length = 128
  /// Segments from the beginnings of this number of texts.
  static let batch = 4

  let name: String
  let model: Model
  /// Number of segments.
  let segments: Int
  let way: Way

  var id: String { "horizon-\(name)-\(segments)-\(way)" }
  var stepsPerRun: Int { 1 }

  private var carry: Carry { Carry(horizon: segments, replay: way == .replay) }

  func workload() throws -> Workload {
    switch model {
    case .network(let settings) where way == .checkpointing:
      let network = try network(settings)
      return trainingStep(of: network, on: checkpointing(network))
    case .network(let settings):
      return .trainingStep(
        of: try network(settings), batch: Self.batch, length: Self.length, carrying: carry,
        recomputing: way == .recomputation)
    case .memformer where way == .checkpointing:
      let model = try memformer()
      return trainingStep(of: model, on: checkpointing(model))
    case .memformer:
      return .trainingStep(
        of: try memformer(), batch: Self.batch, length: Self.length, carrying: carry,
        recomputing: way == .recomputation)
    }
  }

  private func trainingStep<M: Module, Input>(
    of model: M, on batch: RecordedBatch<M, Input>
  ) -> Workload {
    var optimizer = Optimizer(for: model.stateDictionary)
    return Workload(tokens: Self.batch * Self.length * segments) {
      ContinuousClock().measure {
        _ = batch.run()
        optimizer.update(batch, learningRate: 1e-3)
      } / .seconds(1)
    }
  }

  /// Gradients of a step.
  func gradients() throws -> [Tensor] {
    func gradients<M: Module, Input>(_ batch: RecordedBatch<M, Input>) -> [Tensor] {
      _ = batch.run()
      return batch.gradient.tensors
    }
    switch model {
    case .network(let settings) where way == .checkpointing:
      return gradients(checkpointing(try network(settings)))
    case .network(let settings):
      return gradients(
        Workload.randomBatch(
          of: try network(settings), count: Self.batch, length: Self.length, carrying: carry,
          recomputing: way == .recomputation))
    case .memformer where way == .checkpointing:
      return gradients(checkpointing(try memformer()))
    case .memformer:
      return gradients(
        Workload.randomBatch(
          of: try memformer(), count: Self.batch, length: Self.length, carrying: carry,
          recomputing: way == .recomputation))
    }
  }

  private func checkpointing(
    _ network: LanguageNetwork
  ) -> RecordedBatch<LanguageNetwork, SegmentedWindow> {
    RecordedBatch(
      checkpointing: network, segments: segments,
      texts: texts(ofLength: Self.length * segments + 1, below: network.outputWidth))
  }

  private func checkpointing(_ model: Memformer) -> RecordedBatch<Memformer, SegmentedText> {
    RecordedBatch(
      checkpointing: model, blocks: segments,
      texts: texts(
        ofLength: Self.length * segments, below: model.configuration.vocabularySize))
  }

  /// The texts of the other ways.
  private func texts(ofLength length: Int, below vocabulary: Int) -> [[Token]] {
    var generator = SeededGenerator(seed: 1)
    return (0..<Self.batch).map { _ in
      Workload.randomTokens(length, below: vocabulary, using: &generator)
    }
  }

  private func network(_ settings: any MemorySettings) throws -> LanguageNetwork {
    var generator = SeededGenerator(seed: 1)
    return try generator.drawing { try LanguageNetwork(Work.small(settings), using: &$0) }
  }

  private func memformer() throws -> Memformer {
    var generator = SeededGenerator(seed: 1)
    return try generator.drawing {
      try Memformer(MemformerConfiguration(vocabularySize: 65), using: &$0)
    }
  }
}
