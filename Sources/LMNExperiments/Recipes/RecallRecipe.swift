internal import LMNCharts
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel

/// Exact recall: four tasks, every memory, several sizes of the state.
package struct RecallRecipe: Recipe {
  package static let name = "recall"
  package static let summary = "Exact recall of every memory by the size of its state."

  private let form: RecipeForm

  package init(_ form: RecipeForm, files: [RecipeFile]) { self.form = form }

  private enum Task: String, CaseIterable {
    case recall, paired, induction, copying

    var title: String {
      switch self {
      case .recall: "Multi-query associative recall"
      case .paired: "Paired recall"
      case .induction: "Induction heads"
      case .copying: "Selective copying"
      }
    }
  }

  private var learningRates: [Float] { form(full: [3e-3, 1e-2], quick: [5e-3]) }
  private var recallLength: Int { form(full: 64, quick: 32) }
  private var recallPairs: Int { form(full: 8, quick: 4) }
  private var pairedPairs: Int { form(full: 32, quick: 8) }
  private var inductionLength: Int { form(full: 64, quick: 32) }
  private var copying: SelectiveCopying.Size {
    form(full: .init(blanks: 64, symbols: 8), quick: .init(blanks: 16, symbols: 4))
  }

  /// Tokens of the tests by which networks are compared.
  private func length(of task: Task) -> Int {
    switch task {
    case .recall: recallLength
    case .paired: 2 * pairedPairs
    case .induction: inductionLength
    case .copying: copying.blanks + 2 * copying.symbols
    }
  }

  /// Networks by kind, in one to three sizes of the state.
  private var networks: [(kind: String, network: RecipeNetwork)] {
    func linear(_ width: Int) -> RecipeNetwork {
      .init("linear, keys \(width)", LinearMemory.Settings.self) {
        ($0.heads, $0.keyWidth, $0.valueWidth) = (2, width, 16)
      }
    }
    func mixture(_ width: Int) -> RecipeNetwork {
      .init("mixtureOfMemories, keys \(width)", MixtureOfMemories.Settings.self) {
        ($0.linear.heads, $0.linear.keyWidth, $0.linear.valueWidth) = (2, width, 16)
      }
    }
    func tree(_ name: String, window: Int, pinned: Int) -> RecipeNetwork {
      .init(name, LogarithmicMemory.Settings.self) { ($0.window, $0.pinned) = (window, pinned) }
    }
    func attention(_ name: String, window: Int?) -> RecipeNetwork {
      .init(name, CausalAttention.Settings.self) { ($0.rotary, $0.window) = (true, window) }
    }
    let all: [(String, [RecipeNetwork])] = [
      (
        "logarithmic",
        [
          tree("logarithmic", window: 0, pinned: 0),
          tree("logarithmic, window 1", window: 1, pinned: 0),
        ]
      ),
      (
        "logarithmic, window 1 and pinned",
        [8, 32].map { tree("logarithmic, window 1, pinned \($0)", window: 1, pinned: $0) }
      ),
      ("linear", [8, 16, 32].map(linear)),
      ("mixtureOfMemories", [8, 16].map(mixture)),
      (
        "attention",
        [attention("attention, window 16", window: 16), attention("attention", window: nil)]
      ),
      (
        "stateSpace",
        [16, 64].map { width in
          .init("stateSpace, \(width) values", DiagonalStateSpace.Settings.self) {
            $0.stateWidth = width
          }
        }
      ),
      (
        "slots",
        [8, 32].map { slots in
          .init("slots, \(slots)", SlotMemory.Settings.self) {
            ($0.slots, $0.segment) = (slots, 16)
          }
        }
      ),
    ]
    return all.flatMap { kind, networks in
      // The short form has the largest network of each kind.
      (form == .quick ? networks.suffix(1) : networks[...]).map { network in
        (kind, network.with { ($0.layers, $0.feedForward) = (2, 2) })
      }
    }
  }

  package var cells: [Cell] {
    get throws {
      try Task.allCases.flatMap { task in
        try networks.flatMap { kind, network in
          try form.seeds.map { seed in
            try cell(
              task, network,
              [
                .init("task", task.rawValue), .init("memory", kind), .init("network", network.name),
                .init("seed", seed),
              ], seed: seed)
          }
        }
      }
    }
  }

  private func cell(
    _ task: Task, _ network: RecipeNetwork, _ labels: [Cell.Label], seed: UInt64
  ) throws -> Cell {
    var settings = SweepSettings(model: network.model)
    settings.seed = seed
    settings.learningRates = learningRates
    (settings.examples, settings.epochs) = form(full: (10_000, 16), quick: (2_000, 4))
    settings.batchSize = form(full: 64, quick: 32)
    settings.evaluations = 4
    settings.validationExamples = form(full: 256, quick: 64)
    settings.testExamples = form(full: 1000, quick: 200)
    switch task {
    case .recall:
      let size = AssociativeRecall.Size(length: recallLength, pairs: recallPairs)
      let recall = try AssociativeRecall(
        vocabularySize: 128, trainingSizes: [size], testSizes: [size], hasRandomFiller: false)
      return .sweep(labels, on: recall, settings)
    case .induction:
      let induction = try InductionHeads(
        symbols: 16, trainingLengths: [inductionLength], testLengths: testLengths(of: network))
      return .sweep(labels, on: induction, settings)
    case .copying:
      let copying = try SelectiveCopying(
        vocabularySize: 8, trainingSizes: [copying], testSizes: [copying])
      return .sweep(labels, on: copying, settings)
    case .paired: return try pairedCell(labels, network, seed: seed)
    }
  }

  /// Lengths of induction texts: of the largest network of each kind, by powers of two.
  private func testLengths(of network: RecipeNetwork) -> [Int] {
    guard kinds.contains(where: { largest($0)?.name == network.name }) else {
      return [inductionLength]
    }
    let isQuadratic = network.name == "attention"
    return (5...form(full: isQuadratic ? 14 : 20, quick: 10)).flatMap { exponent in
      // Trees change at powers of two.
      let length = 1 << exponent
      return exponent <= 12 ? [length - 1, length, length + 1] : [length]
    }
  }

  private func pairedCell(
    _ labels: [Cell.Label], _ network: RecipeNetwork, seed: UInt64
  ) throws -> Cell {
    var settings = PairedRecallSettings(model: network.model)
    settings.seeds = [seed]
    settings.steps = form(full: 2000, quick: 250)
    settings.batchSize = form(full: 32, quick: 16)
    let (pairs, rates) = (pairedPairs, learningRates)
    let tokens = Double(rates.count * settings.steps * settings.batchSize * 2 * pairs)
    let task = try PairedRecall(keys: 2 * pairs, values: 2 * pairs, pairs: pairs)
    let configuration = PairedConfiguration(task: task, settings: settings, learningRates: rates)
    return Cell(labels, configuration, cost: tokens) { [settings] work in
      var (settings, best): (PairedRecallSettings, PairedRecallReport?) = (settings, nil)
      for (index, rate) in rates.enumerated() {
        settings.learningRate = rate
        let report = try PairedRecallExperiment(task, settings: settings).run { event in
          guard case .step(let step) = event else { return }
          let part = Double(step) / Double(settings.steps)
          try work.advance(to: (Double(index) + part) / Double(rates.count))
        }
        // Training examples are new ones, and so are those of its last part.
        let isBetter = (report.runs[0].loss ?? .infinity) < (best?.runs[0].loss ?? .infinity)
        if best == nil || isBetter { best = report }
      }
      guard let best else { return [] }
      let at = ["length": Double(2 * pairs)]
      return [
        MeasuredValue("accuracy", at: at, best.runs[0].accuracy),
        MeasuredValue("accuracy, chance", at: at, best.chance),
        MeasuredValue("accuracy, guess", at: at, Score.guess(among: pairs, chance: best.chance)),
        MeasuredValue("best learning rate", Double(best.settings.learningRate)),
        MeasuredValue("parameters", Double(best.parameters)),
        MeasuredValue("state (bytes)", Double(best.stateBytes)),
      ].compactMap(\.self)
    }
  }

  private struct PairedConfiguration: Encodable, Sendable {
    let task: PairedRecall
    let settings: PairedRecallSettings
    let learningRates: [Float]

    enum CodingKeys: String, CodingKey {
      case task, settings
      case learningRates = "learning_rates"
    }
  }

  // MARK: - Report

  package func report(on results: Results) -> Report {
    var parts: [Report.Part] = [
      .paragraph(
        "Two blocks of width 32. Each score is that of the best learning rate on validation examples, "
          + "in paired recall on the last twentieth of the training examples, none of which comes "
          + "twice. Chance is a uniform guess among all answers, the guess one "
          + "among the answers that the text shows. The state is that of multi-query recall, and "
          + "grows with the text for trees and for attention without a window. In the full form, the "
          + "network of each kind with the largest state reads induction texts of up to 2²⁰ tokens, "
          + "attention without a window of up to 2¹⁴."
      ),
      .chart(overview(results), name: "overview"),
      .table(table(results)),
    ]
    parts += Claim.section("Claims of the papers", claims(results), in: form)
    for task in Task.allCases {
      parts += [.heading(task.title), .chart(chart(of: task, results), name: task.rawValue)]
    }
    parts += [
      .heading("Induction heads by length"), .chart(lengths(results), name: "induction-length"),
    ]
    return Report("Exact recall", parts)
  }

  private var kinds: [String] {
    var kinds: [String] = []
    for (kind, _) in networks where !kinds.contains(kind) { kinds.append(kind) }
    return kinds
  }

  /// The network of a kind that has the largest state.
  private func largest(_ kind: String) -> RecipeNetwork? {
    networks.last { $0.kind == kind }?.network
  }

  private func accuracy(_ task: Task, _ network: String, _ results: Results) -> Summary? {
    results.summary(
      "accuracy", where: ["task": task.rawValue, "network": network],
      at: ["length": Double(length(of: task))])
  }

  /// Bytes of state at the longest of the comparable tests: that of recall.
  private func stateBytes(_ network: String, _ results: Results) -> Double? {
    results.summary("state (bytes)", where: ["task": "recall", "network": network])?.mean
  }

  private func series(
    _ results: Results, _ accuracy: (String) -> Summary?
  ) -> [LineChart.Series] {
    kinds.map { kind in
      let points = networks.filter { $0.kind == kind }.compactMap {
        _, network -> LineChart.Point? in
        guard let bytes = stateBytes(network.name, results), let found = accuracy(network.name)
        else { return nil }
        let range = 100 * found.range.lowerBound...100 * found.range.upperBound
        return .init(bytes, 100 * found.mean, spread: found.count > 1 ? range : nil)
      }
      return .init(kind, points.sorted { $0.x < $1.x })
    }
  }

  private func chart(_ title: String, _ series: [LineChart.Series]) -> LineChart {
    LineChart(
      title, x: Axis("state of a stream", unit: "bytes", scale: .logarithmic),
      y: Axis("right answers", unit: "%", range: 0...100), series: series)
  }

  private func chart(of task: Task, _ results: Results) -> LineChart {
    chart(task.title, series(results) { accuracy(task, $0, results) })
  }

  private func overview(_ results: Results) -> LineChart {
    chart(
      "Right answers, mean of the four tasks",
      series(results) { network in
        let means = Task.allCases.compactMap { accuracy($0, network, results)?.mean }
        guard means.count == Task.allCases.count else { return nil }
        return Summary([means.reduce(0, +) / Double(means.count)])
      })
  }

  private func table(_ results: Results) -> ReportTable {
    func row(_ name: String, _ bytes: String, _ value: (Task) -> Summary?) -> [String] {
      [name, bytes] + Task.allCases.map { value($0)?.text(\.percent) ?? "–" }
    }
    func baseline(_ name: String, _ quantity: String) -> [String] {
      row(name, "") { task in
        results.summary(
          "accuracy, \(quantity)", where: ["task": task.rawValue],
          at: ["length": Double(length(of: task))]
        ).flatMap { Summary([$0.mean]) }
      }
    }
    return ReportTable(
      ["network", "state (bytes)"] + Task.allCases.map { "\($0.title), %" },
      networks.map { _, network in
        row(network.name, stateBytes(network.name, results).map { "\(Int($0))" } ?? "–") {
          accuracy($0, network.name, results)
        }
      } + [baseline("chance", "chance"), baseline("guess among the answers shown", "guess")])
  }

  private func lengths(_ results: Results) -> LineChart {
    LineChart(
      "Induction heads by length",
      x: Axis("length", unit: "tokens", scale: .logarithmic),
      y: Axis("right answers", unit: "%", range: 0...100),
      series: kinds.compactMap { kind in
        guard let network = largest(kind) else { return nil }
        let labels = ["task": "induction", "network": network.name]
        return .init(
          network.name,
          results.curve("accuracy", along: "length", where: labels).map { length, found in
            .init(length, 100 * found.mean)
          })
      })
  }

  private func claims(_ results: Results) -> [Claim] {
    func best(_ kind: String) -> (name: String, summary: Summary)? {
      networks.filter { $0.kind == kind }.compactMap { _, network in
        accuracy(.recall, network.name, results).map { (network.name, $0) }
      }.max { $0.1.mean < $1.1.mean }
    }
    func percent(_ found: (name: String, summary: Summary)?) -> String? {
      found.map { "\($0.name): \($0.summary.text(\.percent)) %" }
    }
    func both(_ one: String, _ other: String) -> String? {
      guard let one = percent(best(one)), let other = percent(best(other)) else { return nil }
      return "\(one); \(other)"
    }
    let mixture = best("mixtureOfMemories"), linear = best("linear")
    return [
      Claim(
        "MoM (arXiv 2502.13685): a mixture of memories recalls more than one linear memory",
        measured: both("mixtureOfMemories", "linear"),
        holds: (mixture?.summary.mean ?? 0) > (linear?.summary.mean ?? 1)),
      Claim(
        "Zoology (arXiv 2312.04927): attention recalls all pairs",
        measured: percent(best("attention")),
        holds: (best("attention")?.summary.mean ?? 0) > 0.98),
      Claim(
        "Memformer (arXiv 2010.06891): 8.1 times less memory, 3.2 times faster inference than "
          + "Transformer-XL on language modelling", measured: nil, holds: false),
    ]
  }
}
