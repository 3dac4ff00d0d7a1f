import Foundation
import LMNCharts
import LMNTraining
import Testing

@testable import LMNExperiments

/// Cells and reports of all recipes.
@Suite struct RecipeReportTests {
  static let recipes: [any Recipe.Type] = [
    Table1.self, Scaling.self, RecallRecipe.self, NeedleRecipe.self, ListOpsRecipe.self,
    Retention.self, Equivalence.self, Ablations.self, ForecastRecipe.self, ClassifyRecipe.self,
    Beyond.self,
  ]

  private func recipe(_ index: Int, _ form: RecipeForm) throws -> any Recipe {
    let text = RecipeFile(
      name: "a text", bytes: Array(String(repeating: "to be or not ", count: 99).utf8))
    let type = Self.recipes[index]
    if case .text = type.input { return try type.init(form, files: [text]) }
    return try type.init(form, files: [])
  }

  /// A result of every cell: each quantity that the recipe's report may ask for is missing.
  private func results(_ cells: [Cell]) -> Results {
    Results(
      entries: cells.map { cell in
        Results.Entry(
          id: cell.id, labels: cell.labels, measurements: [], seconds: 1, date: "2000-01-01",
          machine: .current)
      })
  }

  @Test(arguments: recipes.indices, [RecipeForm.full, .quick])
  func cellsHaveNamesAndSettings(_ index: Int, _ form: RecipeForm) throws {
    let recipe = try recipe(index, form)
    let cells = try recipe.cells
    #expect(!cells.isEmpty && Set(cells.map(\.id)).count == cells.count)
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    for cell in cells {
      #expect(cell.id.count < 200 && allowed.isSuperset(of: cell.id) && cell.cost > 0)
      #expect(try !JSONEncoder().encode(cell.configuration).isEmpty)
    }
    // Three seeds of every cell that is trained.
    let seeds = Dictionary(grouping: cells) { $0.labels.first { $0.name == "seed" }?.value }
    if seeds[nil] == nil { #expect(Set(seeds.values.map(\.count)).count == 1 && seeds.count == 3) }
  }

  @Test(arguments: recipes.indices, [RecipeForm.full, .quick])
  func reportsMissingValues(_ index: Int, _ form: RecipeForm) throws {
    let recipe = try recipe(index, form)
    let report = recipe.report(on: results(try recipe.cells))
    #expect(!report.charts.isEmpty)
    #expect(Set(report.charts.map(\.file)).count == report.charts.count)
    for (chart, _) in report.charts {
      #expect(chart.svg.hasPrefix("<svg") && !chart.text(columns: 80).isEmpty)
      #expect(!chart.svg.contains("nan") && !chart.svg.contains("inf"))
    }
    #expect(report.markdown.contains("–"))
  }
}
