import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@testable import LMNExperiments

@Suite struct InductionHeadsTests {
  private func task(_ lengths: [Int] = [3, 12], symbols: Int = 5) throws -> InductionHeads {
    try InductionHeads(symbols: symbols, trainingLengths: lengths, testLengths: lengths)
  }

  @Test(arguments: [3, 4, 12]) func theAnswerFollowsTheFirstTrigger(_ length: Int) throws {
    let task = try task()
    var generator = SeededGenerator(seed: 1)
    var (places, answers): (Set<Int>, Set<Token>) = ([], [])
    for _ in 0..<500 {
      let example = task.example(of: length, using: &generator)
      #expect(example.inputs.count == length && example.inputs.last == 5)
      let triggers = example.inputs.indices.filter { example.inputs[$0] == 5 }
      #expect(triggers.count == 2 && triggers.last == length - 1)
      let answer = example.inputs[triggers[0] + 1]
      #expect((0..<5).contains(answer))
      #expect(
        example.targets
          == [Token](repeating: ignoredTarget, count: length - 1) + [answer])
      places.insert(triggers[0])
      answers.insert(answer)
    }
    #expect(places == Set(0..<length - 2) && answers == Set(0..<5))
  }

  @Test func scoresLongTextsWithFewExamples() throws {
    let task = try task([3, 1 << 20])
    // A network that always answers 0: right in one of five cases.
    var model = Configuration(vocabularySize: task.vocabularySize)
    (model.width, model.layers, model.logarithmic.heads) = (4, 1, 1)
    var source = ParameterSource(seed: 1)
    let network = try LanguageNetwork(model, using: &source)
    let short = try self.task([3, 9])
    var generator = SeededGenerator(seed: 1)
    let scores = computing { short.scores(of: network, examples: 40, using: &generator) }
    #expect(scores.map(\.length) == [3, 9] && scores.map(\.asked) == [40, 40])
    #expect(scores.allSatisfy { $0.chance == 0.2 && (0...1).contains($0.value) })
    #expect(task.testSizes.last == 1 << 20)
  }

  @Test func refusesImpossibleSizes() {
    #expect(throws: AnswerTaskError.noSizes) { try task([]) }
    #expect(throws: AnswerTaskError.self) { try task([2]) }
    #expect(throws: AnswerTaskError.self) { try task(symbols: 1) }
  }
}
