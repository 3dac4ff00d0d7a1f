internal import LMNCharts
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// Retention of a text by trained networks: linear probes of the state by age and level, attention by
/// level, loss by position.
package struct Retention: Recipe {
  package static let name = "retention"
  package static let input = RecipeInput.text
  package static let summary = "Retention of a text in the state: linear probes by age and level."
  package static let discussion = """
    Networks are trained by the recipe of table1; with their probes, each takes about 3 minutes on two \
    cores; there are 18.
    """

  private let comparison: TextComparison
  package var files: [RecipeFile] { [comparison.text] }

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    comparison = try TextComparison(
      form, on: files.first ?? .grammar,
      Self.networks.map { network in
        var recipe = TrainingConfiguration.table1(vocabularySize: 1)
        recipe.model = network.model
        // Learning curves are those of table1.
        (recipe.evaluateEvery, recipe.evaluationBatches) = (1000, 50)
        return (network.name, recipe)
      })
  }

  private static let tree = "logarithmic"
  private static let networks =
    RecipeNetwork.kinds.filter { $0.name != "attention" && $0.name != "attention, window 64" } + [
      .init("logarithmic, window 1", LogarithmicMemory.Settings.self) { $0.window = 1 }
    ]

  private var settings: RetentionMeasurement.Settings {
    var settings = RetentionMeasurement.Settings()
    if comparison.form == .quick {
      (settings.probedLength, settings.fitted, settings.tested) = (64, 400, 200)
      (settings.windows, settings.windowLength, settings.attentionWindows) = (40, 128, 4)
    }
    return settings
  }

  private struct Configuration: Encodable, Sendable {
    let training: TextTraining
    let measurement: RetentionMeasurement.Settings
  }

  package var cells: [Cell] {
    comparison.trainings.flatMap { name, configuration in
      comparison.form.seeds.map { seed in
        let training = comparison.training(configuration, seed: seed)
        let settings = settings
        return Cell(
          [.init("network", name), .init("seed", seed)],
          Configuration(training: training, measurement: settings)
        ) { work in
          let trained = CellWork(directory: work.directory, shouldStop: work.shouldStop) {
            try work.report(0.7 * $0)
          }
          guard let network = try training.run(trained) else { return [] }
          let measurement = RetentionMeasurement(
            network: network, training: try training.tokens(of: .training),
            validation: try training.tokens(of: .validation), settings: settings)
          var generator = SeededGenerator(seed: seed)
          return try training.measurements(work)
            + measurement(using: &generator) { try work.advance(to: 0.7 + 0.3 * $0) }
        }
      }
    }
  }

  // MARK: - Report

  package func report(on results: Results) -> Report {
    let baseline = results.summary("probe, most frequent token")
    return Report(
      "Retention of a text in the state",
      [
        .paragraph(
          "Networks of width 32 with 4 layers, trained by the recipe of Table 1. A linear probe (ridge "
            + "regression, fitted to \(settings.fitted) texts, tested on \(settings.tested) others) "
            + "recovers the token of an age from the state after \(settings.probedLength) tokens; age "
            + "0 is the last token. Trivial baselines: the most frequent token "
            + "\(baseline?.mean.percent ?? "–") %, a uniform guess "
            + "\((1 / Double(vocabularySize)).percent) %."),
        .chart(ages(results), name: "age"),
        .heading("By level of the tree"),
        .paragraph(
          "The same from the newest nodes of one level, of all blocks and banks of the published "
            + "network. A node of level i summarizes the ages 0 to 2ⁱ − 1 here."),
        .chart(levels(results), name: "level"),
        .heading("Attention by level"),
        .chart(attention(results), name: "attention"),
        .heading("Loss by position"),
        .chart(
          curves(
            "Loss by position", "loss by position (nats)", along: "position",
            x: Axis("position, from the power of two to the next", scale: .logarithmic), results),
          name: "position"),
        .paragraph(
          "The position t is where a stream has read t tokens before. Levels that were completed at "
            + "t are counted by the trailing zeros of t + 1; the first quarter of the texts is left "
            + "out."),
        .chart(
          curves(
            "Loss by trailing zeros of t + 1", "loss by trailing zeros (nats)",
            along: "trailing zeros", x: Axis("trailing zeros of t + 1"), results), name: "zeros"),
        .heading("Losses"),
        .table(comparison.table(results)),
      ])
  }

  private var vocabularySize: Int { comparison.vocabularySize }

  private func curves(
    _ title: String, _ quantity: String, along coordinate: String, x: Axis, _ results: Results
  ) -> LineChart {
    LineChart(
      title, x: x, y: Axis("loss", unit: "nats"),
      series: Self.networks.map { network in
        .init(
          network.name,
          results.curve(quantity, along: coordinate, where: ["network": network.name]).map {
            .init($0.x, $0.summary.mean, spread: $0.summary.count > 1 ? $0.summary.range : nil)
          })
      })
  }

  private func ages(_ results: Results) -> LineChart {
    LineChart(
      "Tokens that a linear probe recovers",
      x: Axis("1 + age", unit: "tokens", scale: .logarithmic),
      y: Axis("right tokens", unit: "%", range: 0...100),
      series: Self.networks.map { network in
        .init(
          network.name,
          results.curve("probe of the state", along: "age", where: ["network": network.name]).map {
            .init(
              1 + $0.x, 100 * $0.summary.mean,
              spread: $0.summary.count > 1
                ? 100 * $0.summary.range.lowerBound...100 * $0.summary.range.upperBound : nil)
          })
      })
  }

  private func levels(_ results: Results) -> HeatMap {
    let levels = Array(0...settings.probedLength.trailingZeroBitCount)
    return HeatMap(
      "Right tokens by level and age", x: "age (tokens)",
      columns: settings.ages.map { "\($0)" }, y: "level", rows: levels.map { "\($0)" },
      value: Axis("right tokens", unit: "%", range: 0...100),
      values: levels.map { level in
        settings.ages.map { age in
          results.summary(
            "probe of a level", where: ["network": Self.tree],
            at: ["level": Double(level), "age": Double(age)]
          ).map { 100 * $0.mean }
        }
      })
  }

  private func attention(_ results: Results) -> BarChart {
    let blocks = (1...4).map { Double($0) }
    func levels(_ quantity: String, _ block: Double) -> [Double: Summary] {
      let curve = results.curve(
        quantity, along: "level", where: ["network": Self.tree], at: ["block": block])
      return Dictionary(uniqueKeysWithValues: curve.map { ($0.x, $0.summary) })
    }
    let all = levels("attention mass", 1).keys.sorted()
    func bars(_ quantity: String, _ block: Double) -> [BarChart.Bar?] {
      let found = levels(quantity, block)
      return all.map { level in
        found[level].map { summary in
          .init(
            100 * summary.mean,
            spread: summary.count > 1
              ? 100 * summary.range.lowerBound...100 * summary.range.upperBound : nil)
        }
      }
    }
    return BarChart(
      "Attention by level: \(Self.tree)",
      groups: all.map { $0 == 0 ? "itself" : "level \(Int($0))" },
      value: Axis("attention", unit: "%"),
      series: blocks.map { .init("block \(Int($0))", bars("attention mass", $0)) }
        + [.init("if weights were equal", bars("attention mass, equal weights", 1))])
  }
}
