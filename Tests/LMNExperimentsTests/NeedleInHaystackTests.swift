import LMNKernels
import LMNLayers
import LMNModel
import LMNTraining
import Testing

@testable import LMNExperiments

@Suite struct NeedleInHaystackTests {
  private func task(
    in haystack: NeedleInHaystack.Haystack = .letters,
    _ variant: NeedleInHaystack.Variant = .init(), lengths: [Int] = [64]
  ) throws -> NeedleInHaystack {
    try NeedleInHaystack(in: haystack, variant, trainingLengths: lengths, testLengths: lengths)
  }

  private static let prose = "To be, or not to be: that's the question?\nKing: 3 ships! ñ "

  /// The text of some tokens.
  private func text(_ tokens: [Token], of task: NeedleInHaystack) -> String {
    String(decoding: tokens.flatMap(task.tokenizer.decode), as: UTF8.self)
  }

  /// The text without its question, the key of the question, and its code.
  private func parts(
    _ example: Example, of length: Int, _ task: NeedleInHaystack
  ) throws -> (body: String, key: String, code: String) {
    #expect(example.inputs.count == task.length(of: length))
    #expect(example.targets.count == example.inputs.count)
    #expect(example.targets.prefix(length - 1).allSatisfy { $0 == ignoredTarget })
    let code = text(Array(example.targets.suffix(5)), of: task)
    #expect(code.wholeMatch(of: /[0-9]{5}/) != nil)
    // The input has all digits of the answer but the last.
    let read = text(example.inputs, of: task)
    let match = try #require(read.wholeMatch(of: /(?s)(.*)<\?([a-z]{3})=([0-9]{4})/))
    #expect(match.3 == code.prefix(4))
    return (String(match.1), String(match.2), code)
  }

  @Test(arguments: [25, 64, 101, 256], NeedleInHaystack.depths)
  func oneNeedleStandsAtItsDepth(length: Int, depth: Int) throws {
    for haystack in [.letters, .text(Array(repeatElement(Self.prose, count: 6).joined().utf8))]
      as [NeedleInHaystack.Haystack]
    {
      let task = try task(in: haystack, lengths: [length])
      for seed in 0..<5 as Range<UInt64> {
        var generator = SeededGenerator(seed: seed)
        let example = task.example(of: length, depth: depth, using: &generator)
        let (body, key, code) = try parts(example, of: length, task)
        #expect(body.unicodeScalars.count + 6 == length)
        let halves = body.split(
          separator: "<K:\(key)=\(code)>", omittingEmptySubsequences: false)
        try #require(halves.count == 2)
        let straws = length - 19
        let before = Double(halves[0].unicodeScalars.count)
        #expect(abs(before - Double(straws * depth) / 100) <= 0.5)
        let hay = halves.joined()
        switch haystack {
        case .letters: #expect(hay.allSatisfy { ("a"..."z").contains($0) })
        case .text(let bytes): #expect(String(decoding: bytes, as: UTF8.self).contains(hay))
        }
      }
    }
  }

  /// The needle of the question is at its depth in the haystack, the others at random places.
  @Test(arguments: NeedleInHaystack.depths)
  func oneOfSeveralNeedlesIsAskedFor(depth: Int) throws {
    let (length, task) = (120, try task(.init(keys: 4), lengths: [120]))
    var others: Set<Int> = []
    for seed in 0..<40 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let example = task.example(of: length, depth: depth, using: &generator)
      let (body, key, code) = try parts(example, of: length, task)
      let needles = body.matches(of: /<K:([a-z]{3})=([0-9]{5})>/)
      #expect(needles.count == 4 && Set(needles.map(\.1)).count == 4)
      for (index, needle) in needles.enumerated() {
        let before = body.distance(from: body.startIndex, to: needle.range.lowerBound) - 13 * index
        if needle.1 == key {
          #expect(needle.2 == code)
          #expect(abs(Double(before) - Double((120 - 58) * depth) / 100) <= 0.5)
        } else {
          others.insert(before)
        }
      }
      #expect(body.replacing(/<K:[a-z]{3}=[0-9]{5}>/, with: "").count == 120 - 58)
    }
    #expect(others.count > 30)
  }

  /// The characters of a text, and those that are answers, in brackets.
  private func marked(_ example: Example, of task: NeedleInHaystack) -> String {
    var marked = text([example.inputs[0]], of: task)
    for (index, target) in example.targets.enumerated() {
      let next = index + 1 < example.inputs.count ? example.inputs[index + 1] : target
      #expect(target < 0 || target == next)
      let character = text([next], of: task)
      marked += target < 0 ? character : "[\(character)]"
    }
    return marked.replacing("][", with: "")
  }

  @Test func allValuesOfAKeyAreTheAnswer() throws {
    let task = try task(.init(keys: 2, values: 3), lengths: [90])
    for seed in 0..<20 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let example = task.example(of: 90, depth: 50, using: &generator)
      #expect(example.inputs.count == task.length(of: 90) && task.length(of: 90) == 90 + 14)
      let text = marked(example, of: task)
      let question = try #require(text.wholeMatch(of: /(.*)<\?([a-z]{3})=\[([0-9]{15})\]/))
      let needles = question.1.matches(of: /<K:([a-z]{3})=([0-9]{5})>/)
      #expect(needles.count == 4 && Set(needles.map(\.1)).count == 2)
      #expect(needles.filter { $0.1 == question.2 }.map(\.2).joined() == question.3)
    }
  }

  @Test func everyQuestionIsAnswered() throws {
    let task = try task(.init(keys: 3, queries: 2), lengths: [70])
    for seed in 0..<20 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let text = marked(task.example(of: 70, using: &generator), of: task)
      let pattern =
        /(.*)<\?([a-z]{3})=\[([0-9]{5})\]><\?([a-z]{3})=\[([0-9]{5})\]/
      let found = try #require(text.wholeMatch(of: pattern))
      #expect(found.1.count + 6 + 5 + 1 + 6 == 70)
      #expect(found.1.contains("<K:\(found.2)=\(found.3)>"))
      #expect(found.1.contains("<K:\(found.4)=\(found.5)>") && found.2 != found.4)
    }
  }

  @Test func halfOfTheKeysAreMissing() throws {
    let task = try task(.init(hasMissingKeys: true), lengths: [40])
    var (generator, missing) = (SeededGenerator(seed: 1), 0)
    for _ in 0..<400 {
      let text = marked(task.example(of: 40, using: &generator), of: task)
      let found = try #require(text.wholeMatch(of: /(.*)<\?([a-z]{3})=\[([-0-9]{5})\]/))
      let isMissing = !found.1.contains("<K:\(found.2)=")
      #expect(isMissing ? found.3 == "-----" : found.1.contains("<K:\(found.2)=\(found.3)>"))
      if isMissing { missing += 1 }
    }
    #expect(DrawsTests.isLikely(missing, of: 400, probability: 0.5))
    #expect(try task.vocabularySize == self.task().vocabularySize + 1)
  }

  /// Networks that output one code of a text after every "=": one of its two answers is wrong.
  @Test(arguments: [0, 1])
  func anAnswerIsRightIfAllCodesAre(query: Int) throws {
    let task = try task(.init(keys: 2, queries: 2), lengths: [50])
    var (generator, same) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
    let codes = NeedleInHaystack.depths.map { depth in
      let targets = task.example(of: 50, depth: depth, using: &same).targets.filter { $0 >= 0 }
      return Array(targets[5 * query..<5 * query + 5])
    }
    let known = try #require(codes.first { Set($0).count == 5 })
    var answers = (0..<task.vocabularySize).map { Token($0) }
    let question = try task.tokenizer.encode(Array("=".utf8))
    for (token, answer) in zip(question + known, known) { answers[Int(token)] = answer }
    let scores = task.scores(of: try .answering(answers), examples: 1, using: &generator)
    let exact = scores.filter { $0.measure == .exact }
    #expect(exact.allSatisfy { $0.value == 0 && $0.chance == 1e-10 && $0.guess == 0.25 })
    #expect(scores.contains { $0.measure == .digits && $0.value >= 0.5 })
  }

  @Test func trainingNeedlesStandAnywhere() throws {
    let task = try task(lengths: [27])
    var generator = SeededGenerator(seed: 1)
    let (draws, straws) = (3000, 8)
    let opening = try task.tokenizer.encode(Array("<".utf8))[0]
    var counts = [Int](repeating: 0, count: straws + 1)
    for _ in 0..<draws {
      let inputs = task.example(of: 27, using: &generator).inputs
      counts[inputs.firstIndex(of: opening)!] += 1
    }
    for count in counts {
      #expect(DrawsTests.isLikely(count, of: draws, probability: 1 / Double(straws + 1)))
    }
  }

  @Test func digitsAreUniform() throws {
    let task = try task(lengths: [19])
    var (generator, counts) = (SeededGenerator(seed: 2), [Token: Int]())
    for _ in 0..<1000 {
      for digit in task.example(of: 19, using: &generator).targets.suffix(5) {
        counts[digit, default: 0] += 1
      }
    }
    #expect(counts.count == 10)
    for count in counts.values {
      #expect(DrawsTests.isLikely(count, of: 5000, probability: 0.1))
    }
  }

  @Test func theVocabularyIsExtended() throws {
    #expect(try task().vocabularySize == 26 + 10 + "<K:=>?".count)
    let characters = Set((Self.prose + "abcdefghijklmnopqrstuvwxyz0123456789<K:=>?").unicodeScalars)
    let text = NeedleInHaystack.Haystack.text(Array(Self.prose.utf8))
    #expect(try task(in: text).vocabularySize == characters.count)
  }

  @Test func examplesFollowFromTheSeed() throws {
    let task = try task(.init(keys: 2))
    func example(_ seed: UInt64) -> Example {
      var generator = SeededGenerator(seed: seed)
      return task.example(of: 64, using: &generator)
    }
    #expect(example(1) == example(1))
    #expect(example(1) != example(2))
  }

  @Test func whatCannotBeMadeIsRefused() throws {
    #expect(throws: AnswerTaskError.noSizes) { try task(lengths: []) }
    for (name, variant, count, most) in [
      ("keys", .init(keys: 0), 0, 1000), ("values", .init(values: 1001), 1001, 1000),
      ("queries", .init(keys: 2, queries: 3), 3, 2),
    ] as [(String, NeedleInHaystack.Variant, Int, Int)] {
      #expect(throws: AnswerTaskError.count(name, count, most: most)) { try task(variant) }
    }
    let short = #expect(throws: AnswerTaskError.self) { try task(.init(keys: 2), lengths: [31]) }
    #expect(
      short?.description
        == "an example of 31 characters needs at least 32, for 2 needles and 1 question")
    _ = try task(.init(keys: 2), lengths: [32])
    for delimiter in "<>=" {
      #expect(throws: AnswerTaskError.delimiter(delimiter)) {
        try task(in: .text(Array("a \(delimiter) b".utf8)), lengths: [19])
      }
    }
    #expect(throws: AnswerTaskError.textTooShort(characters: 44, needed: 45)) {
      try task(in: .text([UInt8](repeating: 97, count: 44)))
    }
    #expect(throws: TokenizerError.self) { try task(in: .text([0xff]), lengths: [19]) }
  }

  /// Scores of a network that outputs the code of one example after each question.
  @Test func scoresCountDigitsAndWholeCodes() throws {
    let task = try task(lengths: [19])
    var (generator, same) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
    let codes = NeedleInHaystack.depths.map { depth in
      (0..<2).map { _ in Array(task.example(of: 19, depth: depth, using: &same).targets.suffix(5)) }
    }
    let known = try #require(codes.joined().first { Set($0).count == 5 })
    var answers = (0..<task.vocabularySize).map { Token($0) }
    let question = try task.tokenizer.encode(Array("=".utf8))
    for (token, answer) in zip(question + known, known) { answers[Int(token)] = answer }

    let scores = task.scores(of: try .answering(answers), examples: 2, using: &generator)
    func values(_ measure: Score.Measure) -> [Double] {
      scores.filter { $0.measure == measure }.map(\.value)
    }
    let exact = codes.map { Double($0.count { $0 == known }) / 2 }
    #expect(values(.exact) == exact && exact.reduce(0, +) == 0.5)
    // Each digit is predicted from the right digit before it, the first from "=".
    let right = codes.map { codes in
      codes.reduce(0) { $0 + zip(question + $1, $1).count { answers[Int($0)] == $1 } }
    }
    #expect(values(.digits) == right.map { Double($0) / 10 })
    let first = codes.joined().filter { $0 != known && $0[0] == known[0] }
    #expect(!first.isEmpty)
  }

  @Test func scoresComeByLengthAndDepth() throws {
    let task = try task(.init(keys: 2), lengths: [33, 40])
    var generator = SeededGenerator(seed: 1)
    let network = try LanguageNetwork.small(vocabularySize: task.vocabularySize)
    let scores = task.scores(of: network, examples: 2, using: &generator)
    #expect(scores.count == 2 * 11 * 2)
    let digits = scores.filter { $0.measure == .digits }
    let exact = scores.filter { $0.measure == .exact }
    #expect(digits.map(\.depth) == NeedleInHaystack.depths + NeedleInHaystack.depths)
    #expect(digits.allSatisfy { $0.asked == 10 && $0.chance == 0.1 && $0.guess == nil })
    #expect(exact.allSatisfy { $0.asked == 2 && $0.chance == 1e-5 && $0.guess == 0.5 })
    let table = task.table(of: scores)
    #expect(table.contains("right digits, %; chance 10.0\n"))
    #expect(table.contains("whole codes, %; chance 0.001, a guess among the codes shown 50.0\n"))
    #expect(table.split(separator: "\n").count == 2 * (2 + 11 + 1))
  }
}
