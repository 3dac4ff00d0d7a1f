internal import LMNCharts
internal import LMNKernels
internal import LMNModel
internal import LMNTraining

/// Classification of texts by every memory, against the majority class and a logistic regression of
/// n-grams.
package struct ClassifyRecipe: Recipe {
  package static let name = "classify"
  package static let input = RecipeInput.tables
  package static let summary = "Classes of texts by every memory, against n-grams."
  package static let discussion = """
    A table has the columns text and label. Beside the tables there are two generated tasks: the order of \
    two words far apart, which n-grams cannot tell, and the topic of a text, which they can.
    """

  private let form: RecipeForm
  private let problems: [ClassifyTraining.Problem]
  package let files: [RecipeFile]

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    self.form = form
    self.files = files
    let settings = ClassificationSettings()
    let quickRows = 400
    var problems: [ClassifyTraining.Problem] = []
    for file in files {
      let texts = try LabelledTexts(csv: file.bytes, file: file.name, settings: settings)
      problems.append(try .init(file.title, texts, most: form(full: .max, quick: quickRows)))
    }
    for rule in GeneratedTexts.allCases {
      let examples = rule.examples(form(full: 5000, quick: quickRows), seed: 1)
      let lines = ["text,label"] + examples.map { "\($0.text),\($0.label)" }
      let texts = try LabelledTexts(
        csv: Array(lines.joined(separator: "\n").utf8), file: rule.rawValue, settings: settings)
      problems.append(
        try .init(
          rule.rawValue, texts, most: .max, rule: (rule.rule, examples.map(\.likeliest))))
    }
    try RecipeError.expectDifferent(problems.map(\.name), asLabel: "task")
    self.problems = problems
  }

  private static let classifiers: [ClassifyTraining.Classifier] =
    [.nGrams, .usual]
    + RecipeNetwork.kinds.filter { $0.name != "attention, window 64" }.map {
      .init(name: $0.name, model: $0.model)
    }

  private func learningRates(of classifier: ClassifyTraining.Classifier) -> [Float] {
    form(full: classifier.learningRates, quick: [1e-2])
  }
  private var epochs: Int { form(full: 10, quick: 2) }

  package var cells: [Cell] {
    get throws {
      try problems.flatMap { problem in
        try Self.classifiers.flatMap { classifier in
          try learningRates(of: classifier).flatMap { rate in
            try form.seeds.map { seed in
              let training = try ClassifyTraining(
                problem, classifier, epochs: epochs, learningRate: rate, seed: seed)
              let configuration = training.configuration
              return Cell(
                [
                  .init("task", problem.name), .init("classifier", classifier.name),
                  .init("rate", rate), .init("seed", seed),
                ], training, cost: Double(configuration.steps * configuration.tokensPerStep)
              ) { try training.measure($0) }
            }
          }
        }
      }
    }
  }

  // MARK: - Report

  package func report(on results: Results) -> Report {
    var parts: [Report.Part] = [
      .paragraph(
        "Texts are read as bytes; a fifth of every class, at random, is the test, and training "
          + "never sees it. A tenth of the other texts validates, for the best of \(epochs) epochs and "
          + "the best learning rate (the lowest mean validation loss of the seeds). Networks and "
          + "batches are those of lmn train --task classify, memories without n-grams; its default "
          + "is the tree with n-grams. N-grams alone are a logistic regression of the hashed n-grams "
          + "of up to 5 bytes (--pooling none), trained in the same way."),
      .paragraph(
        "Generated texts, of seed 1: "
          + problems.compactMap { problem in problem.rule.map { "\(problem.name): \($0)" } }
          .joined(separator: "; ")
          + ". The rule itself is the likeliest label by the known probabilities, which no classifier "
          + "surpasses on average."),
      .chart(chart(results), name: "classify"),
    ]
    for problem in problems {
      parts += [
        .heading(problem.name.prefix(1).uppercased() + problem.name.dropFirst()),
        .paragraph(
          "\(problem.training.texts.count) texts for training and validation, "
            + "\(problem.test.texts.count) for the test, \(problem.classes) classes. Higher is "
            + "better; a memory above n-grams alone has learned something that they cannot see."),
        .table(table(problem, results)),
      ]
    }
    return Report("Classes of texts", parts)
  }

  /// The learning rate with the lowest mean validation loss.
  private func bestRate(
    _ task: String, _ classifier: ClassifyTraining.Classifier, _ results: Results
  ) -> Float? {
    let losses = learningRates(of: classifier).compactMap { rate in
      results.summary(
        "validation loss (nats)",
        where: ["task": task, "classifier": classifier.name, "rate": "\(rate)"]
      ).map { (rate, $0.mean) }
    }
    return losses.min { $0.1 < $1.1 }?.0
  }

  /// A score at the best learning rate.
  private func score(
    _ quantity: String, _ task: String, _ classifier: ClassifyTraining.Classifier,
    _ results: Results
  ) -> Summary? {
    guard let rate = bestRate(task, classifier, results) else { return nil }
    return results.summary(
      quantity, where: ["task": task, "classifier": classifier.name, "rate": "\(rate)"])
  }

  /// A score without a network, the same in every cell.
  private func baseline(_ quantity: String, _ task: String, _ results: Results) -> Summary? {
    results.summary(quantity, where: ["task": task]).flatMap { Summary([$0.mean]) }
  }

  private func table(
    _ problem: ClassifyTraining.Problem, _ results: Results
  ) -> ReportTable {
    func percent(_ summary: Summary?) -> String { summary?.text(\.percent) ?? "–" }
    let task = problem.name
    var rows = [
      [
        "majority class", percent(baseline("accuracy, majority", task, results)),
        percent(baseline("macro F1, majority", task, results)), "",
      ]
    ]
    if problem.rule != nil {
      rows.append(
        ["the rule itself", percent(baseline("accuracy, rule", task, results)), "", ""])
    }
    rows += Self.classifiers.map { classifier in
      [
        classifier.name, percent(score("accuracy", task, classifier, results)),
        percent(score("macro F1", task, classifier, results)),
        bestRate(task, classifier, results).map { "\($0)" } ?? "–",
      ]
    }
    return ReportTable(["classifier", "accuracy, %", "macro F1, %", "learning rate"], rows)
  }

  private func chart(_ results: Results) -> BarChart {
    func bar(_ summary: Summary?) -> BarChart.Bar? {
      summary.map {
        .init(
          100 * $0.mean,
          spread: $0.count > 1 ? 100 * $0.range.lowerBound...100 * $0.range.upperBound : nil)
      }
    }
    return BarChart(
      "Right answers in the test part", groups: ["majority class"] + Self.classifiers.map(\.name),
      value: Axis("right answers", unit: "%", range: 0...100),
      series: problems.map(\.name).map { task in
        .init(
          task,
          [bar(baseline("accuracy, majority", task, results))]
            + Self.classifiers.map { bar(score("accuracy", task, $0, results)) })
      })
  }
}
