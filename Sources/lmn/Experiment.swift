import ArgumentParser
import LMN
import LMNExperiments

struct Experiment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train small networks on a task with exact answers, and count these.",
    subcommands: [Recall.self, Needle.self])

  struct Recall: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Multi-query associative recall: which value stood behind a key?",
      discussion: """
        A text begins with pairs of a key and a value; later some of the keys come again, and each \
        asks for its value. Sizes are tokens and pairs, as in 64/4, with commas between them; the \
        vocabulary has to be larger than any length. Guesses are printed beside the scores.

        With the defaults each learning rate takes about one and a half minutes on two cores. \
        Published recipes have --layers 2.
        """)

    @Option(help: "Tokens of the vocabulary.")
    var vocabulary = 128
    @Option(help: "Sizes to train on.")
    var sizes: List<AssociativeRecall.Size> = [.init(length: 64, pairs: 4)]
    @Option(help: "Sizes to test on. (default: those to train on)")
    var testSizes: List<AssociativeRecall.Size>?
    @Flag(inversion: .prefixedNo, help: "Whether tokens that mean nothing are random.")
    var randomFiller = true
    @Option(help: "Examples of each size to test on.")
    var testExamples = 1000
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Training") var training: SweepOptions
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws { try expectSense { _ = try sweep() } }

    func run() throws {
      try machine.run { try show(sweep(), curves: training.curves, json: json) }
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
      abstract: "A needle in a haystack: which five digits stood behind a key?",
      discussion: """
        Somewhere in a text stands <K:abc=73914>, and the text ends with <?abc=. Networks are trained \
        with the needle anywhere, and tested at depths of 0, 10, … and 100 percent. Right digits are \
        counted behind the right ones before them; a code is right when the network has written all \
        five by itself. Chance is printed beside the scores.

        With the defaults each learning rate takes about three minutes on two cores.
        """)

    @Argument(
      help: "The text to hide needles in; - for standard input. (default: random letters)",
      completion: .file())
    var file: String?
    @Option(help: "Lengths to train on, in characters, with commas.")
    var lengths: List<Int> = [64, 128, 256]
    @Option(help: "Lengths to test on.")
    var testLengths: List<Int> = [64, 128, 256, 512]
    @Option(help: "Needles in a text, of which one is asked for.")
    var keys = 1
    @Flag(help: "Train on every next character, instead of on the digits alone.")
    var predictAll = false
    @Option(help: "Examples of each length and depth to test on.")
    var testExamples = 20
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Training") var training: SweepOptions
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws { try expectSense { _ = try sweep(in: .letters) } }

    func run() throws {
      try machine.run {
        let text = try file.map { try AtomicFile.contents(of: $0 == "-" ? "/dev/stdin" : $0) }
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
        in: haystack, keys: keys, trainingLengths: lengths.elements,
        testLengths: testLengths.elements)
      return try Sweep(task, settings: settings)
    }
  }
}

/// Makes something of flags alone; where that fails, the usage was wrong.
private func expectSense(_ body: () throws -> Void) throws {
  do { try body() } catch { throw ValidationError("\(error)") }
}

private func show(_ sweep: Sweep<some RecallTask>, curves: String?, json: Bool) throws {
  var steps = 0
  let report = try sweep.run(curves: curves) { event in
    switch event {
    case .begin(let rate, let count):
      steps = count
      Console.note("learning rate \(rate)")
    case .point(let point):
      Console.note(
        "step \(point.step)/\(steps)  loss \(point.loss.fixed(4))  "
          + "right \((100 * point.accuracy).fixed(1)) %")
    }
  }
  try Console.write(json ? Console.json(report) : report.description)
}
