internal import LMNCharts
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// Ablations of the logarithmic memory: one option each, trained on a text by the recipe of Table 1.
package struct Ablations: Recipe {
  package static let name = "ablations"
  package static let input = RecipeInput.text
  package static let summary = "Options of the logarithmic memory, one each, trained on a text."
  package static let discussion = """
    The recipe is that of table1 with 2,000 of its 5,000 steps: about a minute each on two cores; \
    there are 66.
    """

  private let comparison: TextComparison
  package var files: [RecipeFile] { [comparison.text] }
  package var cells: [Cell] { comparison.cells }

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    comparison = try TextComparison(form, on: files.first ?? .grammar, Self.trainings)
  }

  private typealias Change = @Sendable (inout Configuration) -> Void

  /// Options, each a change of the published network of 71,489 parameters.
  private static let options: [(group: String, name: String, change: Change)] = {
    func tree(_ change: @escaping @Sendable (inout LogarithmicMemory.Settings) -> Void) -> Change {
      { change(&$0.trunk.logarithmic) }
    }
    func separable(
      _ change: @escaping @Sendable (inout LogarithmicMemory.Settings) -> Void = { _ in }
    )
      -> Change
    {
      tree {
        $0.summarizer = .depthwiseSeparable
        change(&$0)
      }
    }
    return [
      ("window", published, { _ in }),
      ("window", "window 1", tree { $0.window = 1 }),
      ("window", "window 2", tree { $0.window = 2 }),
      ("window", "window 4", tree { $0.window = 4 }),
      ("window", "window 8", tree { $0.window = 8 }),
      ("window", "window 16", tree { $0.window = 16 }),
      (
        "window", "window 4, bias per place",
        tree { ($0.window, $0.windowBias) = (4, true) }
      ),
      (
        "window", "window 8, bias per place",
        tree { ($0.window, $0.windowBias) = (8, true) }
      ),
      ("tree", "disjoint", tree { $0.visibility = .disjoint }),
      (
        "tree", "disjoint, window 4",
        tree { ($0.visibility, $0.window) = (.disjoint, 4) }
      ),
      ("tree", "levels up to 8", tree { $0.maximumLevels = 8 }),
      (
        "tree", "level bias, levels up to 9",
        tree { ($0.levelBias, $0.maximumLevels) = (true, 9) }
      ),
      ("tree", "1 bank", tree { $0.banks = 1 }),
      ("tree", "arity 4, disjoint", tree { ($0.arity, $0.visibility) = (4, .disjoint) }),
      ("summarizer", "convGrouped", tree { $0.summarizer = .convGrouped }),
      (
        "summarizer", "convFull, width 28",
        {
          $0.trunk.logarithmic.summarizer = .convFull
          $0.width = 28
        }
      ),
      ("summarizer", "depthwiseSeparable", separable()),
      ("summarizer", "depthwiseSeparable, pinned 4", separable { $0.pinned = 4 }),
      (
        "summarizer", "expand 1, width 28",
        {
          $0.trunk.logarithmic.expand = 1
          $0.width = 28
        }
      ),
      ("network", "f 1, width 40", { ($0.feedForward, $0.width) = (1, 40) }),
      ("network", "sinusoidal positions", { $0.positions = .sinusoidal }),
      ("network", "tied head", { $0.tiedHead = true }),
    ]
  }()

  private static let published = "as published"

  private static var trainings: [(name: String, configuration: TrainingConfiguration)] {
    options.map { _, name, change in
      var recipe = TrainingConfiguration.table1(vocabularySize: 1)
      recipe.steps = 2000
      change(&recipe.model)
      return (name, recipe)
    }
  }

  package func report(on results: Results) -> Report {
    var groups: [String] = []
    for option in Self.options where !groups.contains(option.group) { groups.append(option.group) }
    func loss(_ name: String) -> Summary? {
      results.summary("final validation loss (nats)", where: ["network": name])
    }
    let published = loss(Self.published)?.mean
    let changes = Self.options.map { option -> BarChart.Bar? in
      guard let published, let loss = loss(option.name) else { return nil }
      let spread = loss.range.lowerBound - published...loss.range.upperBound - published
      return .init(loss.mean - published, spread: loss.count > 1 ? spread : nil)
    }
    return Report(
      "Ablations of the logarithmic memory",
      [
        .paragraph(
          "Each option changes the published network (width 32, 4 layers, 2 banks, f 4) and is "
            + "trained by 2,000 steps of the recipe of Table 1; losses in nats per character. "
            + comparison.baselineSentence),
        .chart(
          BarChart(
            "Change of the validation loss by option", groups: Self.options.map(\.name),
            value: Axis("change of the validation loss", unit: "nats"),
            series: [.init("change", changes)]), name: "ablations"),
        .table(comparison.table(results)),
        .heading("Learning curves"),
      ]
        + groups.map { group in
          .chart(
            comparison.chart(
              "Options: \(group)",
              of: ([Self.published]
                + Self.options.filter { $0.group == group && $0.name != Self.published }.map(\.name)),
              results), name: "curves-\(group)")
        })
  }
}
