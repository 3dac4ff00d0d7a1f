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
  /// Tasks with several needles or questions.
  private let variants: [(name: String, task: NeedleInHaystack)]

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    self.form = form
    let all: [(String, NeedleInHaystack.Variant)] = [
      ("4 keys", .init(keys: 4)), ("2 values", .init(values: 2)),
      ("2 queries", .init(keys: 2, queries: 2)), ("missing keys", .init(hasMissingKeys: true)),
    ]
    variants = try all.map { name, variant in
      (
        name,
        try NeedleInHaystack(
          variant, trainingLengths: [128], testLengths: form(full: [128, 512], quick: [128]))
      )
    }
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

  private static let single = "one needle"

  /// Networks that are also trained on the variants.
  private var networksOfVariants: [RecipeNetwork] {
    ["logarithmic, window 1, pinned 16", "linear", "attention"].compactMap { name in
      networks.first { $0.name == name }
    }
  }

  /// Length of the tests by alignment.
  private var alignedLength: Int { form(full: 256, quick: 64) }

  package var cells: [Cell] {
    let single = networks.flatMap { network in
      form.seeds.map { seed in
        let settings = settings(network, seed: seed)
        let (task, length, count) = (task, alignedLength, settings.testExamples)
        return Cell.sweep(
          [
            .init("variant", Self.single), .init("network", network.name), .init("seed", seed),
          ], on: task, settings
        ) { network in
          task.digits(of: network, alignedAt: length, examples: count, seed: seed).compactMap {
            MeasuredValue("digits by alignment", at: ["offset": Double($0.offset)], $0.accuracy)
          }
        }
      }
    }
    let several = variants.flatMap { variant, task in
      networksOfVariants.flatMap { network in
        form.seeds.map { seed in
          var settings = settings(network, seed: seed)
          if form == .quick { settings.epochs = 1 }
          return Cell.sweep(
            [.init("variant", variant), .init("network", network.name), .init("seed", seed)],
            on: task, settings)
        }
      }
    }
    return single + several
  }

  private func settings(_ network: RecipeNetwork, seed: UInt64) -> SweepSettings {
    var settings = SweepSettings(model: network.model)
    settings.seed = seed
    settings.learningRates = form(full: [3e-3, 8e-3], quick: [5e-3])
    (settings.examples, settings.epochs) = form(full: (10_000, 10), quick: (4_000, 15))
    settings.batchSize = form(full: 64, quick: 32)
    settings.evaluations = 10
    settings.validationExamples = form(full: 256, quick: 64)
    settings.testExamples = form(full: 100, quick: 20)
    return settings
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
                results.summary(
                  "state (bytes)", where: ["variant": Self.single, "network": network.name]
                ).map { "\(Int($0.mean))" } ?? "–"
              ]
              + task.testSizes.map { mean("exact", Self.single, network.name, $0, results) ?? "–" }
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
                "digits by alignment", along: "offset",
                where: ["variant": Self.single, "network": network.name]
              ).map { .init($0.x, 100 * $0.summary.mean) })
          }), name: "alignment"),
      .heading("Several needles and questions"),
      .paragraph(
        "Each trained on its own, in \(words(variants[0].task.trainingSizes)) characters; whole "
          + "answers in %, mean over the depths of the needle that is asked for first. Four keys: one "
          + "of them is asked for. Two values: two needles have the key, and both codes are the "
          + "answer. Two queries: both keys are asked for. Missing keys: half of the texts lack the "
          + "key, and the answer is then -----. The guess is one of the codes in the text, or that "
          + "no key is there."),
      .table(variantTable(results)),
    ]
    return Report("Needles in a haystack", parts)
  }

  private func networkIndex(_ network: RecipeNetwork) -> Int {
    networks.firstIndex { $0.name == network.name } ?? 0
  }

  private func words(_ lengths: [Int]) -> String {
    lengths.map { "\($0)" }.joined(separator: ", ")
  }

  private func variantTable(_ results: Results) -> ReportTable {
    ReportTable(
      ["variant", "characters"] + networksOfVariants.map(\.name) + ["guess"],
      variants.flatMap { variant, task in
        task.testSizes.map { length in
          [variant, "\(length)"]
            + networksOfVariants.map { mean("exact", variant, $0.name, length, results) ?? "–" }
            + [
              results.summary("exact, guess", where: ["variant": variant], at: nil)?.mean.percent
                ?? "–"
            ]
        }
      })
  }

  /// Mean over the depths.
  private func mean(
    _ measure: String, _ variant: String, _ network: String, _ length: Int, _ results: Results
  ) -> String? {
    let seeds = results.values(of: "seed").compactMap { seed in
      results.curve(
        measure, along: "depth",
        where: ["variant": variant, "network": network, "seed": seed],
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
            "exact", where: ["variant": Self.single, "network": network],
            at: ["length": Double(length), "depth": Double(depth)]
          ).map { 100 * $0.mean }
        }
      })
  }
}
