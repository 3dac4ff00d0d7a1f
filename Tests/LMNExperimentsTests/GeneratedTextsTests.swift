import Testing

@testable import LMNExperiments

@Suite struct GeneratedTextsTests {
  @Test(arguments: GeneratedTexts.allCases)
  func textsDependOnTheirSeed(_ rule: GeneratedTexts) {
    let examples = rule.examples(200, seed: 1)
    #expect(examples.count == 200 && examples == rule.examples(200, seed: 1))
    #expect(examples != rule.examples(200, seed: 2))
    for example in examples {
      let words = example.text.split(separator: " ")
      #expect((12...24).contains(words.count) && words.allSatisfy { $0.count == 2 })
    }
  }

  @Test func orderIsThatOfTwoWordsFarApart() throws {
    let examples = GeneratedTexts.order.examples(2000, seed: 1)
    var lengths: Set<Int> = []
    for example in examples {
      let words = example.text.split(separator: " ").map(String.init)
      let places = words.indices.filter { ["xo", "zu"].contains(words[$0]) }
      try #require(places.count == 2 && words[places[0]] != words[places[1]])
      #expect(places[0] > 0 && places[1] < words.count - 1 && places[1] - places[0] > 3)
      #expect(example.label == words[places[0]] && example.likeliest == example.label)
      lengths.insert(places[1] - places[0])
    }
    #expect(lengths.min() == 4 && (lengths.max() ?? 0) > 18)
    let first = examples.count { $0.label == "xo" }
    #expect((900...1100).contains(first))
  }

  /// Words tell the topic, but not always.
  @Test func topicsDifferInTheirWords() {
    let examples = GeneratedTexts.topic.examples(4000, seed: 1)
    #expect(Set(examples.map(\.label)) == ["1", "2", "3", "4"])
    #expect(Set(examples.flatMap { $0.text.split(separator: " ") }).count == 40)
    let right = Double(examples.count { $0.likeliest == $0.label }) / 4000
    #expect((0.65...0.95).contains(right))
  }
}
