import ArgumentParser
import LMN
import LMNExperiments

extension Experiment {
  struct Paired: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Paired recall: the value of a key read with it as one token.",
      discussion: """
        A text has a token for each pair of a key and a value, then each key again, in another order \
        and without its value; the answer to each is its value. Training begins with 6 pairs and \
        reaches all of them in half of the steps. The report has the accuracy on new texts, the size \
        of a stream's state and, for mixtures of memories, the load of each memory and the purity: \
        the fraction of keys that are sent to the same memories with their value and without.

        Defaults of the network here: --width 64 --layers 1 --feed-forward 2. A mixture of four \
        small memories: --memory mixtureOfMemories --rule linear --heads 1 --key-width 8 \
        --value-width 32 --convolution 1.
        """)

    @Option(help: "Pairs of a text.")
    var pairs = 64
    @Option(help: "Number of different keys.")
    var keys = 128
    @Option(help: "Number of different values.")
    var values = 64
    @Option(help: "Steps of training.")
    var steps = 2000
    @Option(help: "Texts per step.")
    var batchSize = 32
    @Option(help: "Peak learning rate.")
    var learningRate: Float = 3e-3
    @Option(help: "Random seeds, separated by commas; one run each.")
    var seeds: List<UInt64> = [0, 1, 2]
    @Option(help: "Test texts per run.")
    var testExamples = 256
    @Flag(help: "Print the report as JSON.")
    var json = false
    @OptionGroup(title: "Network") var model: ModelOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws { try withUsageErrors(of: model) { _ = try experiment() } }

    func run() throws {
      try machine.run {
        let report = try experiment().run { event in
          guard case .point(let point) = event else { return }
          Console.note(
            "seed \(point.seed)  step \(point.step)/\(steps)  \(point.pairs) pairs  "
              + "loss \(point.loss.fixed(4))")
        }
        try Console.write(json ? Console.json(report) : report.description)
      }
    }

    private func experiment() throws -> PairedRecallExperiment {
      var base = Configuration(vocabularySize: 1)
      (base.width, base.layers, base.feedForward) = (64, 1, 2)
      var settings = PairedRecallSettings(model: try model.configuration(from: base))
      settings.steps = steps
      settings.batchSize = batchSize
      settings.learningRate = learningRate
      settings.seeds = seeds.elements
      settings.testExamples = testExamples
      let task = try PairedRecall(keys: keys, values: values, pairs: pairs)
      return try PairedRecallExperiment(task, settings: settings)
    }
  }
}
