import Foundation
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct PairedRecallExperimentTests {
  private func settings(
    _ change: (inout PairedRecallSettings) -> Void = { _ in }
  ) -> PairedRecallSettings {
    var settings = PairedRecallSettings(model: .smallMixture(values: 1))
    (settings.steps, settings.batchSize, settings.testExamples) = (12, 4, 8)
    settings.seeds = [3, 4]
    change(&settings)
    return settings
  }

  private func experiment(
    pairs: Int = 8, _ change: (inout PairedRecallSettings) -> Void = { _ in }
  ) throws -> PairedRecallExperiment {
    try PairedRecallExperiment(
      PairedRecall(keys: 9, values: 5, pairs: pairs), settings: settings(change))
  }

  /// From 6 pairs at the first step to all of them at half of the steps.
  @Test func pairsGrowOverTheFirstHalf() throws {
    let task = try PairedRecall()
    let settings = PairedRecallSettings(model: .smallMixture(values: 1))
    let pairs = (0..<2000).map { settings.pairs(at: $0, of: task) }
    #expect(pairs[0] == 6 && pairs[500] == 35 && pairs[999] == 63)
    #expect(pairs[1000...].allSatisfy { $0 == 64 })
    #expect(zip(pairs, pairs.dropFirst()).allSatisfy { (0...1).contains($1 - $0) })
    let few = try PairedRecall(pairs: 4)
    #expect((0..<2000).allSatisfy { settings.pairs(at: $0, of: few) == 4 })
  }

  /// Warm-up over 50 steps, constant to step 1200, a cosine to a twentieth.
  @Test func ratesFollowTheSchedule() {
    let settings = PairedRecallSettings(model: .smallMixture(values: 1))
    let rates = (0..<2000).map(settings.rate)
    let peak = settings.learningRate
    for step in 0..<50 { #expect(abs(rates[step] - peak * Float(step + 1) / 51) < 1e-8) }
    #expect(rates[50...1200].allSatisfy { $0 == peak })
    #expect(abs(rates[1600] - peak * 0.525) < 1e-8)
    #expect(abs(rates[1999] - peak * 0.05) < 1e-7)
    #expect(zip(rates[1200...], rates[1201...]).allSatisfy { $0 > $1 })
  }

  /// Steps on recordings of several numbers of pairs equal those of called gradients on one network,
  /// bit for bit.
  @Test func stepsOfSeveralSizesAreThoseOfOneNetwork() throws {
    let settings = settings {
      $0.model.vocabularySize = 5
      ($0.gradientClipping, $0.learningRate, $0.model.dropout) = (1, 0.05, 0.1)
    }
    let task = try PairedRecall(keys: 9, values: 5, pairs: 9)
    var source = ParameterSource(seed: 1)
    var network = try PairedRecallNetwork(settings.model, keys: 9, using: &source)
    let examples = SeededGenerator(seed: 5)
    var training = PairedRecallTraining(
      of: network, on: task, settings, seed: 7, examples: examples)
    computing { for _ in 0..<12 { #expect(training.takeStep() != nil) } }
    training.storeParameters()

    var optimizer = Optimizer(for: network.stateDictionary, constants: settings.optimizer)
    var generator = examples
    var sizes: Set<Int> = []
    for step in 0..<12 {
      let pairs = settings.pairs(at: step, of: task)
      sizes.insert(pairs)
      let batch = RecordedBatch(ofLossAt: network, examples: 4, pairs: pairs)
      for (index, window) in batch.inputs.enumerated() {
        window.overwrite(with: task.example(pairs: pairs, using: &generator))
        window.draw.overwrite(seed: 7, number: UInt64(step) << 32 | UInt64(index))
      }
      _ = computing { batch.run() }
      let norm = batch.gradientNorm
      optimizer.update(
        batch, learningRate: settings.rate(at: step),
        gradientScale: norm > 1 ? Float(1 / norm) : 1)
      batch.store(to: &network)
    }
    #expect(sizes.count == 4 && training.step == 12)
    #expect(training.network.stateDictionary == network.stateDictionary)
  }

  @Test func trainingLowersTheLoss() throws {
    var losses: [Double] = []
    let report = try computing {
      try experiment(pairs: 2) { settings in
        (settings.steps, settings.batchSize, settings.learningRate) = (160, 8, 0.02)
        settings.seeds = [1]
      }.run { if case .point(let point) = $0 { losses.append(point.loss) } }
    }
    #expect(losses.count == 20)
    #expect(losses[19] < 0.8 * losses[0])
    #expect(report.runs[0].loss == losses[19])
  }

  @Test func resultsFollowFromTheSeedOnAnyThreads() throws {
    func runs(threads: Int) throws -> [PairedRecallRun] {
      try computing(threads: threads) { try experiment().run().runs }
    }
    let (one, same) = (try runs(threads: 1), try runs(threads: 3))
    #expect(one.map(\.loss) == same.map(\.loss) && one.map(\.accuracy) == same.map(\.accuracy))
    #expect(one.map(\.routers) == same.map(\.routers))
    #expect(one[0].loss != one[1].loss)
  }

  /// A seed has the same result alone.
  @Test func runsAreIndependent() throws {
    let (both, alone) = try computing {
      (try experiment().run().runs, try experiment { $0.seeds = [4] }.run().runs)
    }
    #expect(both[1].loss == alone[0].loss && both[1].accuracy == alone[0].accuracy)
  }

  @Test func stepsAndPointsAreReported() throws {
    var points: [PairedRecallExperiment.Point] = []
    var taken: [Int] = []
    _ = try computing {
      try experiment { $0.steps = 40 }.run { event in
        switch event {
        case .step(let step): taken.append(step)
        case .point(let point): points.append(point)
        }
      }
    }
    #expect(taken == Array(1...40) + Array(1...40))
    let steps = (1...20).map { 2 * $0 }
    #expect(points.map(\.step) == steps + steps)
    #expect(points.prefix(20).allSatisfy { $0.seed == 3 })
    #expect(points.suffix(20).allSatisfy { $0.seed == 4 })
    #expect(points[0].pairs == 6 && points[9].pairs == 7 && points[10].pairs == 8)
  }

  @Test func reportsHaveAllFigures() throws {
    let report = try computing { try experiment().run() }
    let task = try PairedRecall(keys: 9, values: 5, pairs: 8)
    #expect(report.task == task && report.settings.model.vocabularySize == 5)
    // Five states of 3 x 4.
    #expect(report.stateFloats == 60 && report.stateBytes == 240 && report.chance == 0.2)
    var source = ParameterSource(seed: 1)
    let network = try PairedRecallNetwork(report.settings.model, keys: 9, using: &source)
    #expect(report.parameters == network.parameterCount)
    #expect(report.runs.map(\.seed) == [3, 4] && report.runs.map(\.steps) == [12, 12])
    let accuracies = try report.runs.map { try #require($0.accuracy) }
    #expect(report.accuracy == (accuracies[0] + accuracies[1]) / 2)
    #expect(report.runs.allSatisfy { $0.seconds > 0 && $0.routers.count == 1 })

    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    let fields = try #require(json as? [String: Any])
    #expect(
      Set(fields.keys) == [
        "task", "settings", "parameters", "state_bytes", "state_floats", "chance", "runs",
        "accuracy",
      ])
    #expect(fields["state_floats"] as? Int == 60)
    let run = try #require((fields["runs"] as? [[String: Any]])?.first)
    #expect(Set(run.keys) == ["seed", "steps", "loss", "accuracy", "routers", "seconds"])
    let routers = try #require(run["routers"] as? [[String: Any]])
    #expect((routers[0]["load"] as? [Double])?.count == 4 && routers[0]["purity"] is Double)

    let lines = report.description.split(separator: "\n")
    #expect(lines.count == 6 && lines[0].contains("240 bytes of state"))
    #expect(lines[2].contains(accuracies[0].percent) && lines[5].hasSuffix("20.0"))
  }

  @Test func divergenceIsReported() throws {
    let report = try computing { try experiment { $0.learningRate = 1e30 }.run() }
    for run in report.runs {
      #expect(run.steps < 12 && run.loss == nil && run.accuracy == nil)
    }
    #expect(report.accuracy == nil && report.description.contains("diverged"))
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    func expectRefusal(_ sentence: String, _ change: (inout PairedRecallSettings) -> Void) {
      let error = #expect(throws: (any Error).self) { try experiment(change) }
      #expect(error.map { "\($0)" } == sentence)
    }
    expectRefusal("steps is 0, it has to be 1 to 16777216") { $0.steps = 0 }
    expectRefusal("batch size is 0, it has to be 1 to 16777216") { $0.batchSize = 0 }
    expectRefusal("test examples is -1, it has to be 1 to 16777216") { $0.testExamples = -1 }
    expectRefusal("seeds is none, it has to be one or more") { $0.seeds = [] }
    expectRefusal("learning rate is nan, it has to be above 0 and finite") {
      $0.learningRate = .nan
    }
    expectRefusal("layers is 0, it has to be from 1 to 4096") { $0.model.layers = 0 }
    expectRefusal(
      "a stream of 16 tokens reaches position 15, after the last of 15 learned positions"
    ) { ($0.model.positions, $0.model.maximumLength) = (.learned, 15) }
    expectRefusal("\(ConfigurationError.tiedHead)") { $0.model.tiedHead = true }
  }
}
