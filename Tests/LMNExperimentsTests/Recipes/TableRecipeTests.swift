import Foundation
import LMNKernels
import LMNTestSupport
import LMNTraining
import Testing

@testable import LMNExperiments

/// Recipes that read tables: their parts of the data, errors, and cells.
@Suite struct TableRecipeTests {
  private func file(_ name: String, _ text: String) -> RecipeFile {
    RecipeFile(name: name, bytes: Array(text.utf8))
  }

  /// A table of a series of square numbers.
  private func squares(_ name: String, rows: Int = 300) -> RecipeFile {
    file(name, "x\n" + (0..<rows).map { "\($0 * $0)\n" }.joined())
  }

  private func texts(_ name: String, _ labels: [String]) -> RecipeFile {
    file(name, "text,label\n" + labels.enumerated().map { "text \($0),\($1)\n" }.joined())
  }

  private func cell(_ recipe: any Recipe, _ id: String) throws -> Cell {
    try #require(try recipe.cells.first { $0.id == id })
  }

  // MARK: - Tables

  @Test func tablesAreFurtherSeriesAndTasks() throws {
    let forecast = try ForecastRecipe(.full, files: [squares("a.csv"), squares("b 1.csv")])
    let series = Set(
      forecast.cells.compactMap { $0.labels.first { $0.name == "series" }?.value })
    #expect(series == ["a", "b 1", "Mackey–Glass", "Lorenz", "day and week"])
    let labels = (0..<20).map { $0 < 10 ? "one" : "two" }
    let classify = try ClassifyRecipe(.full, files: [texts("c.csv", labels)])
    let tasks = try Set(classify.cells.compactMap { $0.labels.first { $0.name == "task" }?.value })
    #expect(tasks == ["c", "order", "topic"])
  }

  @Test func refusesTablesThatCannotBeUsed() {
    #expect(throws: RecipeError.alikeNames("a b", "a-b")) {
      try ForecastRecipe(.full, files: [squares("a b.csv"), squares("a-b.csv")])
    }
    #expect(throws: RecipeError.alikeNames("order", "order")) {
      try ClassifyRecipe(.full, files: [texts("order.csv", (0..<20).map { "\($0 % 2)" })])
    }
    // 240 rows, of which 216 are known, of which 22 validate.
    #expect(
      throws: ForecastError.tooShort(
        file: "a.csv, without its last tenth", .validation, count: 22, of: 216, needed: 25)
    ) { try ForecastRecipe(.full, files: [squares("a.csv", rows: 240)]) }
    #expect(throws: ForecastError.self) {
      try ForecastRecipe(.quick, files: [squares("a.csv", rows: 1)])
    }
    let number = #expect(throws: CSVError.self) {
      try ForecastRecipe(.full, files: [file("a.csv", "x,y\n1,2\n3,z\n")])
    }
    #expect(number?.file == "a.csv" && number?.line == 3 && number?.column == 2)
    let column = #expect(throws: CSVError.self) {
      try ClassifyRecipe(.full, files: [file("c.csv", "text,class\na,b\n")])
    }
    #expect(column?.problem == .missingColumn(name: "label", columns: ["text", "class"]))
    #expect(throws: ClassificationError.oneClass(file: "c.csv", label: "one")) {
      try ClassifyRecipe(.full, files: [texts("c.csv", ["one", "one"])])
    }
    #expect(throws: RecipeError.noTest(file: "c.csv")) {
      try ClassifyRecipe(.full, files: [texts("c.csv", ["one", "two", "one"])])
    }
  }

  @Test func aFifthOfEveryClassIsForTheTest() throws {
    let table = texts("c.csv", (0..<60).map { $0 % 6 == 0 ? "rare" : "frequent" })
    let all = try LabelledTexts(csv: table.bytes, file: "c.csv", settings: .init())
    let problem = try ClassifyTraining.Problem("c", all, most: .max)
    #expect(problem.test.labels?.count { $0 == "rare" } == 2 && problem.test.texts.count == 12)
    #expect(Set(problem.test.texts + problem.training.texts) == Set(all.texts))
    #expect(problem.training.texts.count == 48)
    #expect(problem.majority == 10.0 / 12 && problem.classes == 2)
    let some = try ClassifyTraining.Problem("c", all, most: 30)
    #expect(some.test.texts.count + some.training.texts.count == 30)
  }

  // MARK: - Cells

  private static let forecast = "Lorenz_horizon-12_logarithmic_alone_seed-1"
  private static let classify = "order_n-grams-alone_rate-0.01_seed-1"

  /// Cells of both recipes have the values that the reports show, the same with every number of
  /// threads, also if they were interrupted; the files of their runs are removed.
  @Test(arguments: [forecast, classify])
  func cellsAreReproducible(_ id: String) throws {
    try withTemporaryDirectory { directory in
      let recipe: any Recipe =
        id == Self.forecast
        ? try ForecastRecipe(.quick, files: []) : try ClassifyRecipe(.quick, files: [])
      let cell = try cell(recipe, id)
      let values = try [1, 2].map { threads in
        try computing(threads: threads) {
          try cell.measure(CellWork(directory: "\(directory)/\(threads)"))
        }
      }
      #expect(values[0] == values[1] && values[0].count > 4)
      var reports = 0
      #expect(throws: RecipeInterruption.self) {
        try cell.measure(
          CellWork(directory: directory + "/x", shouldStop: { reports == 5 }) { _ in reports += 1 })
      }
      #expect(names(in: directory) == ["x"])
      #expect(try cell.measure(CellWork(directory: directory + "/x")) == values[0])
      #expect(names(in: directory).isEmpty)
    }
  }

  /// The last tenth is for the test: no weight depends on it.
  @Test func forecastsAreTrainedOnTheFirstRowsOnly() throws {
    let rows = (0..<400).map { sin(Double($0) / 3) }
    func recipe(_ end: Double) throws -> ForecastRecipe {
      let text = rows.enumerated().map { "\($0 < 360 ? $1 : end)\n" }.joined()
      return try ForecastRecipe(.quick, files: [file("a.csv", "x\n" + text)])
    }
    let settings = try [0, 9].map { end in
      try recipe(end).cells.filter { $0.id.hasPrefix("a_") }.map {
        try sortedJSON($0.configuration)
      }
    }
    #expect(settings[0] == settings[1] && !settings[0].isEmpty)
  }

  @Test func reportsHaveARowPerSeriesAndClassifier() throws {
    let forecast = try ForecastRecipe(.quick, files: [])
    let entry = Results.Entry(
      id: "", labels: try cell(forecast, Self.forecast).labels,
      measurements: [
        MeasuredValue("relative MSE", 0.25), MeasuredValue("relative MSE, ridge", 0.5),
        MeasuredValue("relative MSE, last value", 1),
      ].compactMap(\.self), seconds: 1, date: "2000-01-01", machine: .current)
    let report = forecast.report(on: Results(entries: [entry])).markdown
    #expect(
      report.contains("| Lorenz | logarithmic alone, 0.50 of ridge | 1.00 | – | 0.500 | 0.250 |"))
    #expect(report.contains("| Mackey–Glass | – |"))

    let classify = try ClassifyRecipe(.full, files: [])
    let entries = try [("0.01", 0.5, 0.9), ("0.003", 0.4, 0.8)].map { rate, loss, accuracy in
      Results.Entry(
        id: "", labels: try cell(classify, "order_slots_rate-\(rate)_seed-1").labels,
        measurements: [
          MeasuredValue("validation loss (nats)", loss), MeasuredValue("accuracy", accuracy),
          MeasuredValue("macro F1", 0.7), MeasuredValue("accuracy, majority", 0.5),
        ].compactMap(\.self), seconds: 1, date: "2000-01-01", machine: .current)
    }
    let table = classify.report(on: Results(entries: entries)).markdown
    // By the validation loss, not by the test.
    #expect(table.contains("| slots | 80.0 | 70.0 | 0.003 |"))
    #expect(table.contains("| majority class | 50.0 | – |  |"))
    #expect(table.contains("| n-grams alone | – | – | – |"))
  }
}
