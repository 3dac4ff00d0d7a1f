internal import LMNCharts
internal import LMNKernels
internal import LMNMemories
internal import LMNModel

/// ListOps at CPU size, for every memory, beside two baselines without a network.
package struct ListOpsRecipe: Recipe {
  package static let name = "listops"
  package static let summary = "ListOps, at a size for processors, beside two trivial baselines."

  private let form: RecipeForm

  package init(_ form: RecipeForm, files: [RecipeFile]) { self.form = form }

  private var networks: [RecipeNetwork] {
    RecipeNetwork.kinds.map { $0.with { $0.layers = 2 } }
  }

  private var size: ListOps.Size {
    form(
      full: .init(lengths: 49..<129, depth: 6, arguments: 5),
      quick: .init(lengths: 19..<61, depth: 5, arguments: 5))
  }

  package var cells: [Cell] {
    get throws {
      let task = try ListOps(trainingSizes: [size], testSizes: [size])
      return networks.flatMap { network in
        form.seeds.map { seed in
          var settings = SweepSettings(model: network.model)
          settings.seed = seed
          settings.learningRates = form(full: [3e-3, 1e-2], quick: [5e-3])
          (settings.examples, settings.epochs) = form(full: (50_000, 5), quick: (4_000, 3))
          settings.batchSize = form(full: 64, quick: 32)
          settings.evaluations = 5
          settings.validationExamples = form(full: 1000, quick: 100)
          settings.testExamples = form(full: 2000, quick: 500)
          return .sweep([.init("memory", network.name), .init("seed", seed)], on: task, settings)
        }
      }
    }
  }

  package func report(on results: Results) -> Report {
    func accuracy(_ memory: String) -> Summary? {
      results.summary("accuracy", where: ["memory": memory], at: nil)
    }
    func baseline(_ quantity: String) -> Summary? {
      results.summary("accuracy, \(quantity)", at: nil)
    }
    func bar(_ summary: Summary?) -> BarChart.Bar? {
      summary.map {
        .init(
          100 * $0.mean,
          spread: $0.count > 1 ? 100 * $0.range.lowerBound...100 * $0.range.upperBound : nil)
      }
    }
    let lines =
      [("most frequent value", baseline("chance")), ("by the root's operator", baseline("guess"))]
      + networks.map { ($0.name, accuracy($0.name)) }
    return Report(
      "ListOps",
      [
        .paragraph(
          "Trees of \(size.lengths.lowerBound + 1) to \(size.lengths.upperBound - 1) tokens, depth "
            + "\(size.depth), up to \(size.arguments) arguments; the answer is one of ten digits. "
            + "Networks of two blocks of width 32, at the best learning rate. The first two lines need no network: "
            + "the most frequent value, and the most frequent one by the operator of the root. "
            + "Published accuracies are for trees of 500 to 2,000 tokens: Transformer 36.4 %, linear "
            + "Transformer 16.1 %, S4 59.6 %; there the root's operator alone gives 37.1 %."),
        .chart(
          BarChart(
            "Right answers on ListOps", groups: lines.map(\.0),
            value: Axis("right answers", unit: "%"),
            series: [.init("right answers", lines.map { bar($0.1) })]), name: "listops"),
        .table(
          ReportTable(
            ["memory", "parameters", "right answers, %"],
            lines.map { name, summary in
              [
                name,
                results.summary("parameters", where: ["memory": name]).map {
                  "\(Int($0.mean))"
                } ?? "",
                summary?.text(\.percent) ?? "–",
              ]
            })),
      ])
  }
}
