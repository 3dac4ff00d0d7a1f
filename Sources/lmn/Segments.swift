public import ArgumentParser
import LMN
public import LMNExperiments

extension Experiment {
  struct Segments: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Recall across segments: the value of a key read in the first of several segments.",
      discussion: """
        The first segment of a text has pairs of a key and a value. Segments of fillers follow. The \
        last segment has each key again, in another order and followed by a filler; the answer to \
        each is its value. Arms of training: memory, gradients through all segments by memory \
        replay; cut, gradients that stop at each segment, though the state is carried; without, no \
        state from one segment to the next. A run ends when 99 % of the answers in a validation are \
        right.

        Defaults of the network here: --width 32 --layers 2 --feed-forward 2 --memory slots \
        --slots 8, with --segment as long as a segment of the text. With the defaults all runs \
        take about four minutes on one core.
        """)

    @Option(help: "Pairs of a text, each with its own key; a segment has twice as many tokens.")
    var pairs = 4
    @Option(help: "Number of different values.")
    var values = 8
    @Option(help: "Number of different fillers.")
    var fillers = 4
    @Option(help: "Segments of a text in training.")
    var segments = 4
    @Option(help: "Segments of the texts in further tests, separated by commas.")
    var testSegments: List<Int> = [6, 10, 20]
    @Option(help: "Arms, separated by commas: memory, cut, without.")
    var arms: List<SegmentRecallArm> = [.memory, .cut, .without]
    @Option(help: "Most steps of training.")
    var steps = 1500
    @Option(help: "Texts per step.")
    var batchSize = 32
    @Option(help: "Learning rate.")
    var learningRate: Float = 3e-3
    @Option(help: "Random seeds, separated by commas; one run each.")
    var seeds: List<UInt64> = [1, 2, 3]
    @Option(help: "Steps between validations.")
    var evaluateEvery = 250
    @Option(help: "Texts per validation and per test.")
    var testExamples = 512
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws { try withUsageErrors(of: model) { _ = try experiment() } }

    func run() throws {
      try machine.run {
        let report = try experiment().run { point in
          Console.note(
            "\(point.arm)  seed \(point.seed)  step \(point.step)/\(steps)  "
              + "loss \(point.loss.fixed(4))  right \((100 * point.accuracy).fixed(1)) %")
        }
        try Console.write(json ? Console.json(report) : report.description)
      }
    }

    private func experiment() throws -> SegmentRecallExperiment {
      let task = try SegmentRecall(pairs: pairs, values: values, fillers: fillers)
      var settings = SegmentRecallSettings(
        model: try model.configuration(from: SegmentRecallSettings.model(for: task)))
      (settings.segments, settings.testSegments) = (segments, testSegments.elements)
      settings.arms = arms.elements
      settings.steps = steps
      settings.batchSize = batchSize
      settings.learningRate = learningRate
      settings.seeds = seeds.elements
      settings.evaluateEvery = evaluateEvery
      settings.testExamples = testExamples
      return try SegmentRecallExperiment(task, settings: settings)
    }
  }
}

extension SegmentRecallArm: ExpressibleByArgument {}
