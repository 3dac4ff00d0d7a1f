import LMNModel
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct BeyondTests {
  /// Networks of both budgets use most of their parameters, and no more.
  @Test func networksFillTheirBudget() throws {
    // Tiny Shakespeare has 65 characters.
    let bytes = (0..<10_000).map { UInt8(ascii: "!") + UInt8($0 % 65) }
    let recipe = try Beyond(.full, files: [RecipeFile(name: "a text", bytes: bytes)])
    for cell in recipe.cells {
      let training = try #require(cell.configuration as? TextTraining)
      let isLarge = training.configuration.model.width == 128
      let budget = isLarge ? 800_000 : 71_489
      let used = Double(try training.parameterCount) / Double(budget)
      #expect(used <= 1 && used > 0.9, "\(cell.id): \(used) of \(budget)")
      let tokens = training.configuration.steps * training.configuration.tokensPerStep
      #expect(isLarge || tokens == 5000 * 8192, "\(cell.id)")
    }
  }
}
