import FoundationEssentials
import LMN
import Testing

@Suite struct TrainingConfigurationTests {
  /// Tiny Shakespeare has 65 characters; the numbers are those of the published notebook.
  @Test func table1IsThePublishedRecipe() throws {
    let recipe = TrainingConfiguration.table1(vocabularySize: 65)
    #expect(recipe.model.vocabularySize == 65)
    #expect(recipe.model.width == 32)
    #expect(recipe.model.logarithmic.heads == 4)
    #expect(recipe.model.layers == 4)
    #expect(recipe.model.logarithmic.banks == 2)
    #expect(recipe.model.feedForward == 4)
    #expect(recipe.model.logarithmic.summarizer == .linear)
    #expect(try ParameterSource.count { try LanguageNetwork(recipe.model, using: &$0) } == 71_489)
    #expect(recipe.initialisation == .reference)
    #expect(recipe.blockLength == 512)
    #expect(recipe.batchSize == 16)
    #expect(recipe.steps == 5000)
    #expect(recipe.schedule == .constant(rate: 1e-3))
    #expect(recipe.optimizer.beta1 == 0.9)
    #expect(recipe.optimizer.beta2 == 0.999)
    #expect(recipe.optimizer.epsilon == 1e-8)
    #expect(recipe.optimizer.weightDecay == 0.01)
    #expect(recipe.gradientClipping == nil)
    #expect(recipe.evaluationBatches == 200)
    #expect(recipe.evaluatesTrainingText)
    try recipe.validate()
  }

  /// The baseline's parameters are those of the paper, its recipe that of the table.
  @Test func gpt2Table1IsThePublishedBaseline() throws {
    let recipe = TrainingConfiguration.gpt2Table1(vocabularySize: 65)
    #expect(try ParameterSource.count { try LanguageNetwork(recipe.model, using: &$0) } == 71_105)
    let memory = #"{"bias":false,"heads":4,"kind":"attention","scale":"width"}"#
    #expect(
      recipe.model.json == #"{"activation":"relu","feedForward":4,"layers":4,"#
        + #""maximumLength":512,"memory":\#(memory),"norm":"layer","positions":"learned","#
        + #""vocab":65,"width":32}"#)
    var other = TrainingConfiguration.table1(vocabularySize: 65)
    other.model = recipe.model
    #expect(recipe == other)
    try recipe.validate()
  }

  @Test func otherRunsClipTheirGradients() {
    let configuration = TrainingConfiguration(model: Configuration(vocabularySize: 65))
    #expect(configuration.gradientClipping == 1)
    #expect(!configuration.evaluatesTrainingText)
  }

  @Test func codingGivesTheConfigurationBack() throws {
    var configuration = TrainingConfiguration.table1(vocabularySize: 11)
    configuration.seed = .max
    configuration.model.logarithmic.summarizer = .depthwiseSeparable
    configuration.schedule = .warmUpThenCosine(
      peak: 0.1, warmUpSteps: 3, totalSteps: 9, minimumFraction: 0.3)
    let data = try JSONEncoder().encode(configuration)
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: data) == configuration)
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    let sentence: String
    let make: @Sendable (inout TrainingConfiguration) -> Void
    var testDescription: String { sentence }

    init(_ sentence: String, _ make: @escaping @Sendable (inout TrainingConfiguration) -> Void) {
      (self.sentence, self.make) = (sentence, make)
    }
  }

  private static let counts = "it has to be 1 to 16777216"
  static let mistakes: [Mistake] = [
    Mistake("block length is 512, it has to be at most 511, the number of learned positions") {
      ($0.model.positions, $0.model.maximumLength) = (.learned, 511)
    },
    Mistake("block length is 0, \(counts)") { $0.blockLength = 0 },
    Mistake("batch size is -1, \(counts)") { $0.batchSize = -1 },
    Mistake("steps is 0, \(counts)") { $0.steps = 0 },
    Mistake("steps is 16777217, \(counts)") { $0.steps = 16_777_217 },
    Mistake("steps between log lines is 0, \(counts)") { $0.logEvery = 0 },
    Mistake("steps between evaluations is 0, \(counts)") { $0.evaluateEvery = 0 },
    Mistake("evaluation batches is 0, \(counts)") { $0.evaluationBatches = 0 },
    Mistake("steps between checkpoints is 0, \(counts)") { $0.saveEvery = 0 },
    Mistake("gradient clipping is 0.0, it has to be above 0 and finite") {
      $0.gradientClipping = 0
    },
    Mistake("gradient clipping is inf, it has to be above 0 and finite") {
      $0.gradientClipping = .infinity
    },
    Mistake("learning rate is 0.0, it has to be above 0 and finite") {
      $0.schedule = .constant(rate: 0)
    },
    Mistake("learning rate is nan, it has to be above 0 and finite") {
      $0.schedule = .constant(rate: .nan)
    },
    Mistake("warm-up is -1, it has to be 0 to 16777216") {
      $0.schedule = .warmUpThenCosine(
        peak: 1, warmUpSteps: -1, totalSteps: 9, minimumFraction: 0.1)
    },
    Mistake("steps of the schedule is \(Int.min), it has to be 0 to 16777216") {
      $0.schedule = .warmUpThenCosine(
        peak: 1, warmUpSteps: 1, totalSteps: .min, minimumFraction: 0.1)
    },
    Mistake("weight decay is -0.5, it has to be 0 or more and finite") {
      $0.optimizer.weightDecay = -0.5
    },
    Mistake("beta1 is 1.0, it has to be 0 to below 1") { $0.optimizer.beta1 = 1 },
    Mistake("beta2 is -0.1, it has to be 0 to below 1") { $0.optimizer.beta2 = -0.1 },
    Mistake("epsilon is 0.0, it has to be above 0 and finite") { $0.optimizer.epsilon = 0 },
    Mistake("5 heads do not divide a width of 32") { $0.model.logarithmic.heads = 5 },
    Mistake("width is 0, it has to be from 1 to 16777216") { $0.model.width = 0 },
  ]

  @Test(arguments: mistakes)
  func refusesWhatMakesNoSense(_ mistake: Mistake) throws {
    var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 65))
    try configuration.validate()
    mistake.make(&configuration)
    let error = #expect(throws: (any Error).self) { try configuration.validate() }
    #expect("\(try #require(error))" == mistake.sentence)
  }

  @Test func refusesWhatNoMemoryHolds() throws {
    var configuration = TrainingConfiguration(model: Configuration(vocabularySize: 65))
    (configuration.model.width, configuration.model.logarithmic.heads) = (1 << 24, 1)
    let error = #expect(throws: TrainingError.self) { try configuration.validate() }
    #expect(try #require(error).description.hasPrefix("the number of parameters is "))
  }
}
