internal import LMNCharts
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// The published Table 1: LMN and GPT-2 of the same size, trained on a text by one recipe.
package struct Table1: Recipe {
  package static let name = "table1"
  package static let input = RecipeInput.text
  package static let summary = "The LMN paper's Table 1: LMN and GPT-2 trained on a text."
  package static let discussion = """
    The published losses are for Tiny Shakespeare; on another text they are no comparison. A run has \
    5,000 steps and takes about 3 minutes on two cores; there are 33.
    """

  private let comparison: TextComparison
  package var files: [RecipeFile] { [comparison.text] }
  package var cells: [Cell] { comparison.cells }

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    comparison = try TextComparison(form, on: files.first ?? .grammar, Self.trainings)
  }

  private static var trainings: [(name: String, configuration: TrainingConfiguration)] {
    let trees = [4, 1].flatMap { factor in
      [1, 2, 4, 8].map { banks in
        var recipe = TrainingConfiguration.table1(vocabularySize: 1)
        recipe.model.feedForward = factor
        recipe.model.logarithmic.banks = banks
        return (lmn(banks: banks, factor: factor), recipe)
      }
    }
    let handicapped = TrainingConfiguration.gpt2Table1(vocabularySize: 1)
    var scaled = handicapped
    scaled.model.trunk[each: \CausalAttention.Settings.scale] = .head
    var rotary = scaled
    rotary.model.trunk[each: \CausalAttention.Settings.rotary] = true
    // As wide as makes up for the positions' parameters.
    (rotary.model.positions, rotary.model.maximumLength) = (.none, nil)
    rotary.model.feedForward = 6
    return trees + [(gpt2, handicapped), (gpt2Scaled, scaled), (gpt2Rotary, rotary)]
  }

  private static func lmn(banks: Int, factor: Int) -> String {
    "LMN, \(banks) bank\(banks == 1 ? "" : "s"), f \(factor)"
  }
  private static let gpt2 = "GPT-2, as published"
  private static let gpt2Scaled = "GPT-2, scores scaled by head"
  private static let gpt2Rotary = "GPT-2, scaled and rotary, inner width 6"

  /// Published validation losses on Tiny Shakespeare (arXiv 2501.07905).
  private static let published = [lmn(banks: 2, factor: 4): 1.7742, gpt2: 1.9704]

  package func report(on results: Results) -> Report {
    let names = comparison.trainings.map(\.name)
    func loss(_ name: String) -> Summary? {
      results.summary("final validation loss (nats)", where: ["network": name])
    }
    let tree = loss(Self.lmn(banks: 2, factor: 4))
    func losses(beside other: String) -> String? {
      guard let tree, let other = loss(other) else { return nil }
      return "\(tree.text { $0.decimals(4) }) against \(other.text { $0.decimals(4) })"
    }
    func isBelow(_ other: String) -> Bool {
      guard let tree, let other = loss(other) else { return false }
      return tree.range.upperBound < other.range.lowerBound
    }
    let claims = [
      Claim(
        "LMN with 2 banks has a validation loss of 1.7742 (71,489 parameters)",
        measured: comparison.isPublishedText ? tree?.text { $0.decimals(4) } : nil,
        holds: tree.map { abs($0.mean - 1.7742) < 0.02 } ?? false),
      Claim(
        "GPT-2 of the same size has 1.9704",
        measured: comparison.isPublishedText ? loss(Self.gpt2)?.text { $0.decimals(4) } : nil,
        holds: loss(Self.gpt2).map { abs($0.mean - 1.9704) < 0.02 } ?? false),
      Claim(
        "LMN is below GPT-2 of the same size, as published", measured: losses(beside: Self.gpt2),
        holds: isBelow(Self.gpt2)),
      Claim(
        "the same, with correctly scaled scores", measured: losses(beside: Self.gpt2Scaled),
        holds: isBelow(Self.gpt2Scaled)),
      Claim(
        "the same, with correctly scaled scores and rotary positions",
        measured: losses(beside: Self.gpt2Rotary), holds: isBelow(Self.gpt2Rotary)),
    ]
    let curves = [
      ("LMN and GPT-2", "curves", ["f 4", "GPT-2"]), ("LMN, f 1", "curves-f1", ["f 1"]),
    ]
    return Report(
      "Table 1: LMN and GPT-2 of the same size",
      [
        .paragraph(
          "Width 32, 4 layers, 4 heads, AdamW at a constant rate of 0.001, losses in nats per "
            + "character as means over random batches; f is the inner width of the feed-forward "
            + "layer, 4 without mention. " + comparison.baselineSentence),
        .table(comparison.table(results) { Self.published[$0] }),
      ]
        + Claim.section("Claims of arXiv 2501.07905", claims, in: comparison.form)
        + [.heading("Learning curves")]
        + curves.map { title, name, words in
          .chart(
            comparison.chart(
              title, of: names.filter { name in words.contains { name.contains($0) } }, results),
            name: name)
        })
  }
}
