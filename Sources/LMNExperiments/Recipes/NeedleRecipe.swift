internal import LMNCharts
internal import LMNKernels
internal import LMNMemories
internal import LMNModel

/// Needles in a haystack by length, depth and alignment, for several memories.
package struct NeedleRecipe: Recipe {
  package static let name = "needle"
  package static let summary = "Needles in a haystack by length, depth and alignment."

  private let form: RecipeForm
  private let task: NeedleInHaystack

  package init(_ form: RecipeForm, text: RecipeText?) throws {
    self.form = form
    task = try NeedleInHaystack(
      trainingLengths: form(full: [64, 128, 256], quick: [64]),
      testLengths: form(
        full: [64, 128, 256, 512, 1024, 2048, 4096, 8192], quick: [64, 128, 256]))
  }

  private var networks: [RecipeNetwork] {
    let all: [RecipeNetwork] = [
      .init("logarithmic, window 1, pinned 16", LogarithmicMemory.Settings.self) {
        ($0.window, $0.pinned) = (1, 16)
      },
      .init("logarithmic, window 1", LogarithmicMemory.Settings.self) { $0.window = 1 },
      .init("linear", LinearMemory.Settings.self),
      .init("mixtureOfMemories", MixtureOfMemories.Settings.self),
      .init("attention", CausalAttention.Settings.self) { $0.rotary = true },
      .init("slots", SlotMemory.Settings.self),
    ]
    return (form == .quick ? Array(all.prefix(2)) : all).map { $0.with { $0.layers = 2 } }
  }

  /// Length of the tests by alignment.
  private var alignedLength: Int { form(full: 256, quick: 64) }

  package var cells: [Cell] {
    networks.flatMap { network in
      form.seeds.map { seed in
        var settings = SweepSettings(model: network.model)
        settings.seed = seed
        settings.learningRates = form(full: [3e-3, 5e-3, 1e-2], quick: [5e-3])
        (settings.examples, settings.epochs) = form(full: (10_000, 10), quick: (4_000, 15))
        settings.batchSize = form(full: 64, quick: 32)
        settings.evaluations = 10
        settings.validationExamples = form(full: 256, quick: 64)
        settings.testExamples = form(full: 100, quick: 20)
        let (task, length, count) = (task, alignedLength, settings.testExamples)
        return .sweep(
          [.init("network", network.name), .init("seed", seed)], on: task, settings
        ) { network in
          task.digits(of: network, alignedAt: length, examples: count, seed: seed).compactMap {
            MeasuredValue("digits by alignment", at: ["offset": Double($0.offset)], $0.accuracy)
          }
        }
      }
    }
  }

  package func report(on results: Results) -> Report {
    var parts: [Report.Part] = [
      .paragraph(
        "Two blocks of width 32; a needle <K:abc=73914> in random letters, asked for by <?abc= at "
          + "the end; trained with needles at random depths in \(words(task.trainingSizes)) "
          + "characters, at the best learning rate. A code is right if its five digits are, decoded "
          + "greedily (chance 0.001 %); a digit after the right digits before it (chance 10 %)."),
      .table(
        ReportTable(
          ["network", "state (bytes)"] + task.testSizes.map { "\($0)" },
          networks.map { network in
            [network.name]
              + [
                results.summary("state (bytes)", where: ["network": network.name]).map {
                  "\(Int($0.mean))"
                } ?? "–"
              ]
              + task.testSizes.map { mean("exact", network.name, $0, results) ?? "–" }
          } + [["chance", ""] + task.testSizes.map { _ in "0.001" }])),
      .paragraph("Right codes in %, mean over the depths."),
    ]
    for network in networks {
      parts += [
        .heading(network.name),
        .chart(heatMap(of: network.name, results), name: "needle-\(networkIndex(network))"),
      ]
    }
    parts += [
      .heading("Alignment"),
      .paragraph(
        "Right digits by the place of the needle's first character modulo 32, in texts of "
          + "\(alignedLength) characters: trees have borders of nodes there."),
      .chart(
        LineChart(
          "Right digits by alignment", x: Axis("place of the needle modulo 32"),
          y: Axis("right digits", unit: "%", range: 0...100),
          series: networks.map { network in
            .init(
              network.name,
              results.curve(
                "digits by alignment", along: "offset", where: ["network": network.name]
              ).map { .init($0.x, 100 * $0.summary.mean) })
          }), name: "alignment"),
    ]
    return Report("Needles in a haystack", parts)
  }

  private func networkIndex(_ network: RecipeNetwork) -> Int {
    networks.firstIndex { $0.name == network.name } ?? 0
  }

  private func words(_ lengths: [Int]) -> String {
    lengths.map { "\($0)" }.joined(separator: ", ")
  }

  /// Mean over the depths.
  private func mean(
    _ measure: String, _ network: String, _ length: Int, _ results: Results
  ) -> String? {
    let seeds = results.values(of: "seed").compactMap { seed in
      results.curve(
        measure, along: "depth", where: ["network": network, "seed": seed],
        at: ["length": Double(length)])
    }.filter { !$0.isEmpty }
    return Summary(
      seeds.map { curve in curve.reduce(0) { $0 + $1.summary.mean } / Double(curve.count) }
    )?.text(\.percent)
  }

  private func heatMap(of network: String, _ results: Results) -> HeatMap {
    HeatMap(
      "Right codes: \(network)", x: "depth (%)",
      columns: NeedleInHaystack.depths.map { "\($0)" }, y: "length (characters)",
      rows: task.testSizes.map { "\($0)" },
      value: Axis("right codes", unit: "%", range: 0...100),
      values: task.testSizes.map { length in
        NeedleInHaystack.depths.map { depth in
          results.summary(
            "exact", where: ["network": network],
            at: ["length": Double(length), "depth": Double(depth)]
          ).map { 100 * $0.mean }
        }
      })
  }
}
