import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@testable import LMNExperiments

@Suite struct SelectiveCopyingTests {
  private typealias Size = SelectiveCopying.Size

  private func task(_ sizes: [SelectiveCopying.Size], vocabulary: Int = 6) throws
    -> SelectiveCopying
  {
    try SelectiveCopying(vocabularySize: vocabulary, trainingSizes: sizes, testSizes: sizes)
  }

  @Test func markersAskForTheSymbolsInOrder() throws {
    let size = Size(blanks: 5, symbols: 3)
    let task = try task([size])
    #expect(task.length(of: size) == 11)
    var generator = SeededGenerator(seed: 1)
    var (places, symbols): (Set<[Int]>, Set<Token>) = ([], [])
    for _ in 0..<2000 {
      let example = task.example(of: size, using: &generator)
      let read = example.inputs.prefix(8)
      let data = read.filter { $0 != 0 }
      #expect(data.count == 3 && data.allSatisfy { (2..<6).contains($0) })
      #expect(example.inputs.suffix(3) == [1, 1, 1])
      #expect(example.targets == [Token](repeating: ignoredTarget, count: 8) + data)
      places.insert(read.indices.filter { read[$0] != 0 })
      symbols.formUnion(data)
    }
    // All of the 56 choices of places, and all symbols.
    #expect(places.count == 56 && symbols == [2, 3, 4, 5])
  }

  @Test func countsSymbolsAndWholeTexts() throws {
    let size = Size(blanks: 4, symbols: 2)
    let task = try task([size])
    var model = Configuration(vocabularySize: 6)
    (model.width, model.layers, model.logarithmic.heads) = (4, 1, 1)
    var source = ParameterSource(seed: 3)
    let network = try LanguageNetwork(model, using: &source)
    var generator = SeededGenerator(seed: 1)
    var same = generator
    let scores = computing { task.scores(of: network, examples: 200, using: &generator) }
    let examples = (0..<200).map { _ in task.example(of: size, using: &same) }
    let right = computing {
      examples.map { network($0.inputs).value.rightAnswers(to: $0.targets) }
    }
    #expect(scores.map(\.measure) == [.accuracy, .exact])
    #expect(scores[0].value == Double(right.reduce(0, +)) / 400)
    #expect(scores[1].value == Double(right.count { $0 == 2 }) / 200)
    #expect(scores[0].chance == 0.25 && scores[1].chance == 0.0625)
    // A guess among the two symbols shown: right, or equal by chance.
    #expect(scores[0].guess == 0.625 && scores[1].guess == 0.390625)
  }

  @Test func refusesImpossibleSizes() {
    #expect(throws: AnswerTaskError.noSizes) { try task([]) }
    #expect(throws: AnswerTaskError.self) { try task([Size(blanks: 3, symbols: 0)]) }
    #expect(throws: AnswerTaskError.self) { try task([Size(blanks: 3, symbols: 1)], vocabulary: 3) }
  }
}
