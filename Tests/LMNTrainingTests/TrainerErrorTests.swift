import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct TrainerErrorTests {
  // MARK: - Errors

  @Test func anotherTextIsRefused() throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(.small(steps: 2), in: directory)
      _ = try first.run()
      let before = try files(in: directory)
      var other = smallText
      other.swapAt(100, 101)
      #expect(smallText != other)
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer(resuming: RunDirectory(directory), text: other) { $0.steps = 4 }
      }
      #expect(throws: TrainingError.anotherText(directory: directory)) {
        try Trainer(resuming: RunDirectory(directory), text: smallText + smallText) { $0.steps = 4 }
      }
      #expect(throws: TokenizerError.self) {
        try Trainer(resuming: RunDirectory(directory), text: smallText + [0x40]) { $0.steps = 4 }
      }
      #expect(throws: CorpusError.empty) {
        try Trainer(resuming: RunDirectory(directory), text: []) { $0.steps = 4 }
      }
      #expect(try files(in: directory) == before)
    }
  }

  @Test func directoriesInUseAreRefused() throws {
    for name in ["model.safetensors", "best.safetensors", "training.safetensors", "log.jsonl"] {
      try withTemporaryDirectory { directory in
        try AtomicFile.write([1, 2, 3], to: "\(directory)/\(name)")
        #expect(throws: TrainingError.occupied(directory: directory)) {
          try trainer(.small(steps: 2), in: directory)
        }
        #expect(try files(in: directory) == [name: Data([1, 2, 3])])
      }
    }
  }

  @Test func nothingIsMadeForARunThatCannotBegin() throws {
    try withTemporaryDirectory { directory in
      let run = RunDirectory(directory + "/run")
      let configuration = try TrainingConfiguration.small(steps: 2)
      #expect(throws: CorpusError.empty) {
        try Trainer(configuration, text: [], tokenizer: smallTokenizer, in: run)
      }
      #expect(throws: CorpusError.self) {
        try Trainer(
          configuration, text: Array(smallText[..<100]), tokenizer: smallTokenizer, in: run)
      }
      #expect(throws: TokenizerError.self) {
        try Trainer(configuration, text: smallText + [0x40], tokenizer: smallTokenizer, in: run)
      }
      #expect(throws: TrainingError.self) {
        try Trainer(.small(steps: 0), text: smallText, tokenizer: smallTokenizer, in: run)
      }
      #expect(names(in: directory).isEmpty)
    }
  }

  @Test func directoriesAreMadeAllTheWay() throws {
    try withTemporaryDirectory { directory in
      _ = try trainer(.small(steps: 1), in: directory + "/some/run")
      #expect(names(in: directory + "/some") == ["run"])
      try AtomicFile.write([], to: directory + "/file")
      let error = #expect(throws: FileError.self) {
        try trainer(.small(steps: 1), in: directory + "/file/run")
      }
      #expect(error?.description == "cannot create \(directory)/file/run: Not a directory")
    }
  }

  /// A run whose last weights could not be written is not complete.
  @Test func lastWeightsAreWrittenByAResume() throws {
    let expected = try remains(of: .small(steps: 4))
    try withTemporaryDirectory { directory in
      var first = try trainer(.small(steps: 4), in: directory)
      let model = RunDirectory(directory).model
      #expect(throws: FileError.self) {
        try first.run(report: { event in
          guard case .step = event else { return }
          try FileManager.default.removeItem(atPath: model)
          try FileManager.default.createDirectory(
            atPath: model, withIntermediateDirectories: false)
        })
      }
      try FileManager.default.removeItem(atPath: model)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      #expect(try second.run())
      #expect(try remains(in: directory) == expected)
    }
  }

  /// Counts that would overflow or index out of range.
  @Test(arguments: [
    ("loop", #""step":2"#, #""step":-2"#),
    ("loop", #""tokens":96"#, #""tokens":9223372036854775807"#),
    ("loop", #""skippedUpdates":0"#, #""skippedUpdates":9223372036854775807"#),
    ("optimizer_step", "2", "-7"), ("training", #""steps":2"#, #""steps":-1"#),
    ("training", #""saveEvery":250"#, #""saveEvery":0"#), ("training", "{", "["),
    ("loop", #""generator":"#, #""generator":"00","x":"#),
  ])
  func hostileCheckpointsAreRefused(key: String, found: String, forged: String) throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(.small(steps: 2), in: directory)
      _ = try first.run()
      let path = RunDirectory(directory).training
      var file = try Safetensors(contentsOf: path)
      let value = try #require(file.metadata[key])
      #expect(value.contains(found))
      file.metadata[key] = value.replacing(found, with: forged)
      try file.write(to: path)
      let before = try files(in: directory)
      let error = #expect(throws: (any Error).self) {
        try Trainer(resuming: RunDirectory(directory), text: smallText) { $0.steps += 2 }
      }
      #expect(!"\(try #require(error))".contains("\n"))
      #expect(try files(in: directory) == before)
    }
  }

  // MARK: - Values that are not finite

  /// The first update makes the weights so large that all later losses overflow.
  private func diverging() throws -> TrainingConfiguration {
    var configuration = try TrainingConfiguration.small(steps: 20)
    configuration.schedule = .constant(rate: 1e30)
    configuration.logEvery = 1
    return configuration
  }

  /// An update resets the count of consecutive skipped updates.
  @Test func updatesEndTheCountOfSkippedOnes() throws {
    try withTemporaryDirectory { directory in
      let path = RunDirectory(directory).training
      func loop() throws -> String {
        try #require(try Safetensors(contentsOf: path).metadata["loop"])
      }
      var first = try trainer(.small(steps: 6), in: directory)
      try first.run(steps: 5, then: .stop)
      let (none, most) = (#""skippedInARow":0"#, #""skippedInARow":4"#)
      var file = try Safetensors(contentsOf: path)
      file.metadata["loop"] = try loop().replacing(none, with: most)
      try file.write(to: path)
      #expect(try loop().contains(most))
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      _ = try second.run()
      #expect(try loop().contains(none))
    }
  }

  private let divergence = { (directory: String) in
    TrainingError.diverged(
      step: 6, inARow: 5, tensor: "loss", checkpoint: directory + "/training.safetensors")
  }

  @Test(arguments: [1, 250])
  func divergingRunsStopWithTheLastGoodCheckpoint(saveEvery: Int) throws {
    var configuration = try diverging()
    configuration.saveEvery = saveEvery
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      var skipped: [String] = []
      #expect(throws: divergence(directory)) {
        try trainer.run(report: { event in
          if case .skippedUpdate(let tensor) = event { skipped.append(tensor) }
        })
      }
      #expect(trainer.skippedUpdates == 5)
      #expect(skipped == [String](repeating: "loss", count: 5))

      let log = try log(in: directory)
      #expect(log.map(\.step) == [1, 2, 3, 4, 5])
      #expect(log.map { $0.loss != nil } == [true, false, false, false, false])
      #expect(log.map { $0.gradientNorm != nil } == [true, false, false, false, false])

      let saved = try Trainer(resuming: RunDirectory(directory), text: smallText)
      #expect(saved.step == (saveEvery == 1 ? 1 : 0))
      let loaded = try LanguageModel(contentsOf: directory)
      for model in [saved.model, loaded] {
        let tensors = model.network.stateDictionary.tensors
        #expect(tensors.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
      }
    }
  }

  /// Runs that end before five updates were left out, or before any: the last weights give a loss that
  /// is not finite, and are not kept.
  @Test(arguments: [1, 3])
  func runsThatDivergeInTheirLastStepsAreNotComplete(steps: Int) throws {
    var configuration = try diverging()
    configuration.steps = steps
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      let error = #expect(throws: TrainingError.self) { try trainer.run() }
      #expect(
        error?.description
          == "training diverged at step \(steps): 'validation loss' is not finite"
          + (steps > 1 ? ", \(steps - 1) updates in a row were left out" : "")
          + "; the last good weights are in \(directory)/training.safetensors")
      let model = try LanguageModel(contentsOf: directory)
      let tokens = Array(try model.tokenizer.encode(smallText).prefix(20))
      #expect(model.loss(of: tokens).isFinite)
    }
  }

  @Test func skippedUpdatesAreCountedAcrossAStop() throws {
    try withTemporaryDirectory { directory in
      var first = try trainer(diverging(), in: directory)
      var steps = 0
      let isComplete = try first.run(shouldStop: { steps == 3 }) { event in
        if case .step = event { steps += 1 }
      }
      #expect(!isComplete && first.skippedUpdates == 2)
      var second = try Trainer(resuming: RunDirectory(directory), text: smallText)
      #expect(second.skippedUpdates == 2)
      #expect(throws: divergence(directory)) { try second.run() }
      #expect(second.skippedUpdates == 5)
    }
  }

  /// Weights that are not finite are not written.
  @Test func infiniteWeightsAreNotSaved() throws {
    var configuration = try diverging()
    configuration.schedule = .constant(rate: .greatestFiniteMagnitude)
    configuration.optimizer.weightDecay = 1000
    configuration.saveEvery = 1
    try withTemporaryDirectory { directory in
      var trainer = try trainer(configuration, in: directory)
      #expect(throws: TrainingError.self) { try trainer.run() }
      let weights = trainer.model.network.stateDictionary.tensors
      #expect(!weights.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
      #expect(try Trainer(resuming: RunDirectory(directory), text: smallText).step == 0)
    }
  }

  /// With a head this large the loss is finite, but the gradients below it are not.
  @Test func firstTensorWithoutFiniteGradientIsNamed() throws {
    try withTemporaryDirectory { directory in
      var configuration = try diverging()
      configuration.schedule = .constant(rate: 1e-3)
      configuration.gradientClipping = nil
      var trainer = try trainer(configuration, in: directory)
      _ = try trainer.run(shouldStop: { true })
      var checkpoint = try TrainingCheckpoint<LanguageModel>(
        contentsOf: RunDirectory(directory).training)
      checkpoint.model.network.head.weight = Variable(
        constant: checkpoint.model.network.head.weight!.value.scaled(by: 1e38))
      checkpoint.model.network.trunk.finalNorm.gain = Variable(
        constant: checkpoint.model.network.trunk.finalNorm.gain.value.scaled(by: 0.1))
      try checkpoint.write(to: RunDirectory(directory).training)
      var resumed = try Trainer(resuming: RunDirectory(directory), text: smallText)
      let error = #expect(throws: TrainingError.self) { try resumed.run() }
      guard case .diverged(let step, let inARow, let tensor, _) = error else { return }
      #expect(step == 5 && inARow == 5)
      #expect(resumed.model.network.stateDictionary.names.contains(tensor), "\(tensor)")
    }
  }
}
