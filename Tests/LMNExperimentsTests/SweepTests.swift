import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct SweepTests {
  typealias Size = AssociativeRecall.Size

  private func task(
    _ sizes: [Size] = [Size(length: 8, pairs: 2)]
  ) throws -> AssociativeRecall {
    try AssociativeRecall(
      vocabularySize: 17, trainingSizes: sizes, testSizes: sizes, hasRandomFiller: false)
  }

  private func settings(
    _ change: @Sendable (inout SweepSettings) -> Void = { _ in }
  ) -> SweepSettings {
    var model = Configuration(vocabularySize: 1)
    (model.width, model.layers) = (8, 1)
    (model.logarithmic.heads, model.logarithmic.banks) = (2, 1)
    model.feedForward = 1
    var settings = SweepSettings(model: model)
    (settings.examples, settings.epochs, settings.batchSize) = (12, 2, 4)
    (settings.evaluations, settings.validationExamples, settings.testExamples) = (3, 4, 5)
    settings.learningRates = [1e-2]
    change(&settings)
    return settings
  }

  /// The accuracy is twice that of guessing, which by chance happens in one of 10⁶ runs.
  @Test func aNetworkLearnsToRecall() throws {
    let sweep = try Sweep(
      task([Size(length: 4, pairs: 1), Size(length: 6, pairs: 1)]),
      settings: settings {
        $0.model.width = 16
        ($0.examples, $0.epochs, $0.batchSize) = (512, 8, 16)
        ($0.validationExamples, $0.testExamples) = (32, 100)
      })
    let scores = try computing { try sweep.run().scores }
    #expect(scores.count == 2)
    for score in scores { #expect(score.value > 0.5 && score.chance < 0.12) }
  }

  @Test func everyExampleIsSeenOncePerEpoch() throws {
    let sizes = [Size(length: 8, pairs: 1), Size(length: 8, pairs: 2)]
    let examples = TrainingExamples(try task(sizes), settings(), seed: 5)
    #expect(examples.batchesOfEpoch == 6)
    var generator = SeededGenerator(seed: 1)
    let (one, other) = (examples.epoch(using: &generator), examples.epoch(using: &generator))
    for epoch in [one, other] {
      #expect(epoch.count == 6)
      for size in 0..<2 {
        let seen = epoch.filter { $0.size == size }.flatMap(\.examples)
        #expect(seen.sorted() == Array(0..<12))
      }
    }
    #expect(one.map(\.examples) != other.map(\.examples))
    let all = (0..<2).flatMap { size in (0..<12).map { examples.example($0, ofSize: size).inputs } }
    #expect(Set(all).count == 24)
    #expect(examples.example(3, ofSize: 1) == examples.example(3, ofSize: 1))
    #expect(examples.example(3, ofSize: 1) != examples.example(4, ofSize: 1))
    #expect(examples.example(3, ofSize: 1).inputs != examples.example(3, ofSize: 0).inputs)
  }

  /// Steps on recordings of several lengths equal called steps on one network, bit for bit, with
  /// the schedule, dropout draws and clipping of the step.
  @Test func stepsOfSeveralSizesAreThoseOfOneNetwork() throws {
    let settings = settings { ($0.gradientClipping, $0.model.dropout) = (1.5, 0.2) }
    let task = try task([Size(length: 8, pairs: 2), Size(length: 12, pairs: 1)])
    let examples = TrainingExamples(task, settings, seed: 9)
    var model = settings.model
    model.vocabularySize = task.vocabularySize
    var source = ParameterSource(seed: 1)
    var network = try LanguageNetwork(model, using: &source)
    let rate = settings.schedule(peak: 0.1, steps: 12)
    var run = TrainingRun(network, on: examples, settings, rate: rate)
    let summary = try computing { try run.run(validation: []) { _ in } }
    #expect(summary.steps == 12 && summary.learningRate == 0.1)

    var optimizer = Optimizer(for: network.stateDictionary, constants: settings.optimizer)
    var order = SeededGenerator(seed: settings.seed)
    var clippedCount = 0
    for (step, batch) in (0..<2).flatMap({ _ in examples.epoch(using: &order) }).enumerated() {
      let members = batch.examples.map { examples.example($0, ofSize: batch.size) }
      let windows = RecordedBatch(
        ofLossAt: network, windows: members.count, length: members[0].inputs.count)
      for (index, window) in windows.inputs.enumerated() {
        window.overwrite(inputs: members[index].inputs[...], targets: members[index].targets[...])
        window.draw.overwrite(seed: settings.seed, number: UInt64(step) << 32 | UInt64(index))
      }
      _ = computing { windows.run() }
      let norm = windows.gradientNorm
      if norm > 1.5 { clippedCount += 1 }
      optimizer.update(
        windows, learningRate: rate.rate(at: step),
        gradientScale: norm > 1.5 ? Float(1.5 / norm) : 1)
      windows.store(to: &network)
    }
    #expect((1..<12).contains(clippedCount))
    #expect(run.network.stateDictionary == network.stateDictionary)
  }

  @Test func resultsFollowFromTheSeedOnAnyThreads() throws {
    func report(seed: UInt64, threads: Int) throws -> SweepReport<AssociativeRecall> {
      try computing(threads: threads) {
        try Sweep(task(), settings: settings { $0.seed = seed }).run()
      }
    }
    let (one, same) = (try report(seed: 1, threads: 1), try report(seed: 1, threads: 3))
    #expect(one.runs[0].loss == same.runs[0].loss && one.scores == same.scores)
    #expect(try report(seed: 2, threads: 1).runs[0].loss != one.runs[0].loss)
  }

  @Test func curvesAreAppended() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/curves.jsonl"
      var points: [CurvePoint] = []
      var begun: [Float] = []
      var taken: [Int] = []
      for _ in 0..<2 {
        _ = try computing {
          try Sweep(task(), settings: settings { $0.learningRates = [1e-2, 3e-2] })
            .run(curves: path) { event in
              switch event {
              case .begin(let rate, let steps):
                begun.append(rate)
                #expect(steps == 6)
              case .step(let step): taken.append(step)
              case .point(let point): points.append(point)
              }
            }
        }
      }
      #expect(begun == [1e-2, 3e-2, 1e-2, 3e-2])
      #expect(taken == (0..<4).flatMap { _ in 1...6 })
      #expect(points.map(\.step) == [2, 4, 6, 2, 4, 6, 2, 4, 6, 2, 4, 6])
      #expect(Array(points[..<6]) == Array(points[6...]))
      let lines = try AtomicFile.contents(of: path).split(separator: UInt8(ascii: "\n"))
        .map { Data($0) }
      #expect(lines.count == 14)
      for heading in [lines[0], lines[7]] {
        let fields = try #require(JSONSerialization.jsonObject(with: heading) as? [String: Any])
        #expect(fields["name"] as? String == "recall")
        #expect(Set(fields.keys) == ["name", "task", "settings"])
      }
      let read = try lines[1...6].map { try JSONDecoder().decode(CurvePoint.self, from: $0) }
      #expect(read == Array(points[..<6]))
    }
  }

  /// A diverging learning rate is reported, and the best run is another one.
  @Test func divergenceIsReported() throws {
    let report = try computing {
      try Sweep(task(), settings: settings { $0.learningRates = [1e30, 1e-2] }).run()
    }
    #expect(report.runs[0].loss == nil && report.runs[0].accuracy == nil)
    #expect(report.runs[0].steps < 6 && report.runs[1].steps == 6)
    #expect(report.best == 1e-2)
    #expect(report.description.contains("diverged"))
  }

  @Test func reportsNameTheBest() throws {
    let report = try computing {
      try Sweep(task(), settings: settings { $0.learningRates = [1e-6, 3e-2] }).run()
    }
    let best = report.runs.max { $1.isBetter(than: $0) }
    #expect(report.best == best?.learningRate)
    #expect(report.description.contains("\(report.parameters) parameters"))
    #expect(report.description.split(separator: "\n").count { $0.hasSuffix("best") } == 1)
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    #expect(
      Set(try #require(json as? [String: Any]).keys) == [
        "task", "settings", "parameters", "state_bytes", "runs", "best_learning_rate", "scores",
      ])
  }

  /// The scores of a sweep equal those of a sweep over its best rate alone.
  @Test func scoresAreOfTheBest() throws {
    func report(_ rates: [Float]) throws -> SweepReport<AssociativeRecall> {
      try computing {
        try Sweep(
          task(),
          settings: settings { ($0.learningRates, $0.epochs, $0.testExamples) = (rates, 20, 200) }
        ).run()
      }
    }
    for rates in [[1e-6, 3e-2], [3e-2, 1e-6]] as [[Float]] {
      let both = try report(rates)
      #expect(both.best == 3e-2)
      #expect(try both.scores == report([3e-2]).scores)
      #expect(try both.scores != report([1e-6]).scores)
    }
  }

  @Test func moreRightAnswersAreBetterAndThenALowerLoss() {
    func run(_ accuracy: Double?, _ loss: Double?) -> SweepRun {
      SweepRun(learningRate: 1, steps: 1, loss: loss, accuracy: accuracy, seconds: 1)
    }
    #expect(run(0.5, 2).isBetter(than: run(0.4, 1)))
    #expect(run(0.5, 1).isBetter(than: run(0.5, 2)))
    #expect(run(0, 9).isBetter(than: run(nil, nil)))
    #expect(!run(nil, nil).isBetter(than: run(nil, nil)))
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    func expectRefusal(_ sentence: String, _ change: @Sendable (inout SweepSettings) -> Void) {
      let error = #expect(throws: (any Error).self) {
        try Sweep(task(), settings: settings(change))
      }
      #expect(error.map { "\($0)" } == sentence)
    }
    expectRefusal("examples is 3, it has to be at least a batch of 4") { $0.examples = 3 }
    expectRefusal("epochs is 0, it has to be 1 to 16777216") { $0.epochs = 0 }
    expectRefusal("learning rates is none, it has to be one or more") { $0.learningRates = [] }
    expectRefusal("learning rate is nan, it has to be above 0 and finite") {
      $0.learningRates = [1, .nan]
    }
    expectRefusal("gradient clipping is -1.0, it has to be above 0 and finite") {
      $0.gradientClipping = -1
    }
    expectRefusal("weight decay is -1.0, it has to be 0 or more and finite") {
      $0.optimizer.weightDecay = -1
    }
    expectRefusal("3 heads do not divide a width of 8") { $0.model.logarithmic.heads = 3 }
    expectRefusal(
      "a stream of 8 tokens reaches position 7, after the last of 7 learned positions"
    ) { ($0.model.positions, $0.model.maximumLength) = (.learned, 7) }
  }
}
