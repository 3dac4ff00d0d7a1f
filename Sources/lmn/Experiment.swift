import ArgumentParser
import LMN
import LMNExperiments

struct Experiment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run experiments: recipes with reports, or one network on a task with exact answers.",
    discussion: """
      Recipes compare networks, and write a report (report.html, report.md), charts, results.csv and \
      the exact settings to a directory: table1, scaling, recall, needle, listops, retention, \
      equivalence, ablations, forecast, classify, beyond. Finished cells of an interrupted recipe are \
      kept.

      recall, paired, segments and needle train one network, given by flags, and print its scores; \
      recall and needle are recipes with --output, --quick or --resume.
      """,
    subcommands: [
      RecipeCommand<Table1>.self, RecipeCommand<Scaling>.self,
      RecipeCommand<ListOpsRecipe>.self, RecipeCommand<Retention>.self,
      RecipeCommand<Equivalence>.self, RecipeCommand<Ablations>.self,
      RecipeCommand<ForecastRecipe>.self, RecipeCommand<ClassifyRecipe>.self,
      RecipeCommand<Beyond>.self, Recall.self,
      Paired.self, Segments.self, Needle.self,
    ])

  struct Recall: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Multi-query associative recall: the value of a key read before.",
      discussion: """
        A text begins with pairs of a key and a value; some of the keys follow later, and the answer \
        to each is its value. A size is a number of tokens and one of pairs, as in 64/4; sizes are \
        separated by commas. The vocabulary has to be larger than any length. Accuracies of guessing \
        are reported beside the scores.

        With the defaults each learning rate takes about one and a half minutes on two cores. \
        Published recipes have --layers 2.

        With --output, --quick or --resume the command is a recipe, without other flags: it compares \
        all memories, with several sizes of the state, on this task, paired recall, induction heads \
        and selective copying.
        """)

    @Option(help: "Size of the vocabulary.")
    var vocabulary = 128
    @Option(help: "Training sizes: tokens/pairs, separated by commas.")
    var sizes: List<AssociativeRecall.Size> = [.init(length: 64, pairs: 4)]
    @Option(help: "Test sizes. (default: the training sizes)")
    var testSizes: List<AssociativeRecall.Size>?
    @Flag(inversion: .prefixedNo, help: "Random filler tokens instead of token 0.")
    var randomFiller = true
    @Option(help: "Test examples per size.")
    var testExamples = 1000
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Recipe") var recipe: RecipeOptions
    @OptionGroup(title: "Training") var training: SweepOptions
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws {
      try recipe.expectNoOthers()
      try withUsageErrors(of: model) { _ = try sweep() }
    }

    func run() throws {
      try machine.run {
        if recipe.areGiven { return try recipe.run(RecallRecipe.self) }
        try training.expectCurves(reading: [])
        try show(sweep(), curves: training.curves, json: json)
      }
    }

    private func sweep() throws -> Sweep<AssociativeRecall> {
      let settings = try training.settings(model: model, epochs: 32, testExamples: testExamples)
      let task = try AssociativeRecall(
        vocabularySize: vocabulary, trainingSizes: sizes.elements,
        testSizes: (testSizes ?? sizes).elements, hasRandomFiller: randomFiller)
      return try Sweep(task, settings: settings)
    }
  }

  struct Needle: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Needle in a haystack: the five digits of a key read before.",
      discussion: """
        A text contains <K:abc=73914> and ends with <?abc=, whose answer is the five digits. Networks \
        are trained with the needle at random places, and tested at depths of 0, 10, … 100 percent. \
        Digit accuracy counts digits predicted after the right preceding digits; code accuracy counts \
        texts all of whose answers are decoded right. Accuracies of guessing are reported beside the \
        scores.

        With the defaults each learning rate takes about three minutes on two cores.

        With --output, --quick or --resume the command is a recipe, without other flags: it compares \
        memories by length, depth and alignment of the needle.
        """)

    @Argument(
      help: "Haystack text; - for standard input. (default: random letters)",
      completion: .file())
    var file: String?
    @Option(help: "Training lengths in characters, separated by commas.")
    var lengths: List<Int> = [64, 128, 256]
    @Option(help: "Test lengths in characters, separated by commas.")
    var testLengths: List<Int> = [64, 128, 256, 512]
    @Option(help: "Keys per text; the first question is about one of them.")
    var keys = 1
    @Option(help: "Needles with the key of the first question; the answer is all their codes.")
    var values = 1
    @Option(help: "Questions per text, about different keys.")
    var queries = 1
    @Flag(help: "Half of the texts lack the key of their first question; the answer is -----.")
    var missingKeys = false
    @Flag(help: "Loss over all next characters, instead of the digits only.")
    var predictAll = false
    @Option(help: "Test examples per length and depth.")
    var testExamples = 20
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Recipe") var recipe: RecipeOptions
    @OptionGroup(title: "Training") var training: SweepOptions
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws {
      try recipe.expectNoOthers(file: file)
      try withUsageErrors(of: model) { _ = try sweep(in: .letters) }
    }

    func run() throws {
      try machine.run {
        if recipe.areGiven { return try recipe.run(NeedleRecipe.self) }
        try training.expectCurves(reading: [file].compactMap(\.self))
        let text = try file.map { try AtomicFile.text(of: $0.inputPath) }
        let sweep: Sweep<NeedleInHaystack>
        do { sweep = try self.sweep(in: text.map { .text($0) } ?? .letters) } catch {
          throw UnusableInput("\(file ?? "random letters"): \(error)")
        }
        try show(sweep, curves: training.curves, json: json)
      }
    }

    private func sweep(in haystack: NeedleInHaystack.Haystack) throws -> Sweep<NeedleInHaystack> {
      var settings = try training.settings(model: model, epochs: 10, testExamples: testExamples)
      settings.predictsAll = predictAll
      let task = try NeedleInHaystack(
        in: haystack,
        .init(keys: keys, values: values, queries: queries, hasMissingKeys: missingKeys),
        trainingLengths: lengths.elements, testLengths: testLengths.elements)
      return try Sweep(task, settings: settings)
    }
  }
}

/// Runs `body`, which depends on flags only, and turns its errors into usage errors.
///
/// - Parameters:
///   - model: Flags of the network.
///   - body: Makes an experiment.
/// - Throws: A usage error, which names the flags.
func withUsageErrors(of model: ModelOptions, _ body: () throws -> Void) throws {
  do { try body() } catch let error as ConfigurationError {
    throw usageError(error, isGiven: model.givenFlags.contains)
  } catch {
    // The defaults are in range, so other settings are those of flags.
    throw usageError(error) { _ in true }
  }
}

private func show(_ sweep: Sweep<some AnswerTask>, curves: String?, json: Bool) throws {
  var steps = 0
  let report = try sweep.run(curves: curves) { event in
    switch event {
    case .begin(let rate, let count):
      steps = count
      Console.note("learning rate \(rate)")
    case .step: break
    case .point(let point):
      Console.note(
        "step \(point.step)/\(steps)  loss \(point.loss.fixed(4))  "
          + "right \((100 * point.accuracy).fixed(1)) %")
    }
  }
  try Console.write(json ? Console.json(report) : report.description)
}
