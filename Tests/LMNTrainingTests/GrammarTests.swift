import Foundation
import LMN
import Testing

@Suite struct GrammarTests {
  private func bitsPerCharacter(of grammar: Grammar) -> Double {
    grammar.entropyPerCharacter / Foundation.log(2)
  }

  // MARK: Entropy

  /// S → a S | b with equal weights has two binary choices for two characters.
  @Test func entropyOfARightRecursion() {
    let grammar = Grammar(["S": ["a{S}": 1, "b": 1]])
    #expect(abs(bitsPerCharacter(of: grammar) - 1) < 1e-15)
  }

  /// S → (S) | T with weights 1 : 2: a sentence has 1½ choices of S on average, which write 1
  /// character, and one choice of T of 1 bit, which writes 1½ characters.
  @Test func entropyOfANesting() {
    let grammar = Grammar(["S": ["({S})": 1, "{T}": 2], "T": ["x": 5, "éé": 5]])
    let choice = 0.918_295_834_054_489_6  // log₂ 3 − ⅔
    #expect(abs(bitsPerCharacter(of: grammar) - (1.5 * choice + 1) / 2.5) < 1e-15)
  }

  @Test func entropyOfACertaintyIsZero() {
    #expect(Grammar(["S": ["abc": 7]]).entropyPerCharacter == 0)
  }

  @Test func trapsOnSentencesThatDoNotEnd() async {
    await #expect(processExitsWith: .failure) { _ = Grammar(["S": ["a{S}": 1]]) }
    await #expect(processExitsWith: .failure) { _ = Grammar(["S": ["a{S}{S}": 2, "b": 1]]) }
  }

  @Test func trapsOnNamesWithoutARule() async {
    await #expect(processExitsWith: .failure) { _ = Grammar(["S": ["a{T}": 1]]) }
  }

  /// The ratio of mean surprisal to mean length, over independent sentences, is within five
  /// standard errors (delta method) of the computed entropy.
  @Test func surprisalConvergesToTheEntropy() {
    let grammar = Grammar.tales
    var generator = SeededGenerator(seed: 1)
    let samples = (0..<2000).map { _ in
      let sentence = grammar.sentence(using: &generator)
      return (surprisal: sentence.surprisal, length: Double(sentence.text.unicodeScalars.count))
    }
    let length = samples.reduce(0) { $0 + $1.length }
    let ratio = samples.reduce(0) { $0 + $1.surprisal } / length
    let squares = samples.reduce(0) { sum, sample in
      let residual = sample.surprisal - ratio * sample.length
      return sum + residual * residual
    }
    #expect(abs(ratio - grammar.entropyPerCharacter) < 5 * squares.squareRoot() / length)
  }

  // MARK: Unambiguity

  @Test func sampledSentencesHaveOneDerivation() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<20 {
      let text = Grammar.tales.sentence(using: &generator).text
      var counter = DerivationCounter(grammar: .tales, text: text)
      #expect(counter.derivations(of: 0, from: 0) == [text.unicodeScalars.count: 1], "\(text)")
    }
  }

  @Test func derivationCounterSeesAmbiguity() {
    let grammar = Grammar(["S": ["{S'}{S}": 1, "a": 4], "S'": ["a": 1, "aa": 1]])
    var counter = DerivationCounter(grammar: grammar, text: "aaaa")
    // 3 = 1 + 1 + 1 = 1 + 2 = 2 + 1 before the last letter, and likewise for shorter beginnings.
    #expect(counter.derivations(of: 0, from: 0) == [1: 1, 2: 1, 3: 2, 4: 3])
  }

  /// Proof of unambiguity: LL(1) grammars are unambiguous, and this grammar, started with an
  /// infinite list of sentences, is LL(1) over words.
  @Test func talesAreLL1OverWords() {
    let analysis = WordAnalysis(of: .tales)
    #expect(analysis.conflicts.isEmpty)
    #expect(analysis.brokenWords.isEmpty)
    #expect(!analysis.isNullable[0])
  }

  @Test func wordAnalysisSeesConflicts() {
    #expect(!WordAnalysis(of: Grammar(["S": [" a b": 1, " a c": 1]])).conflicts.isEmpty)
    #expect(
      !WordAnalysis(of: Grammar(["S": ["{A}a": 1], "A": ["a": 1, "": 1]])).conflicts.isEmpty)
    #expect(
      !WordAnalysis(of: Grammar(["S": ["a{A}": 1], "A": ["a": 1, "": 1]])).conflicts.isEmpty)
    #expect(!WordAnalysis(of: Grammar(["S": ["a{A}s": 1], "A": [" b": 1]])).brokenWords.isEmpty)
    #expect(!WordAnalysis(of: Grammar(["S": ["a {A}": 1], "A": ["b": 1]])).brokenWords.isEmpty)
  }

  // MARK: Text

  @Test(arguments: [0, 1, 7, 1000, 20_000])
  func textHasTheAskedLength(characters: Int) {
    var generator = SeededGenerator(seed: 3)
    let text = Grammar.tales.text(characters: characters, using: &generator)
    #expect(text.unicodeScalars.count == characters)
  }

  @Test func lengthCountsCharactersNotBytes() {
    var generator = SeededGenerator(seed: 3)
    let grammar = Grammar(["S": ["é\r\ne\u{301}": 1]])
    #expect(Array(grammar.text(characters: 4, using: &generator).utf8) == Array("é\r\ne".utf8))
  }

  @Test func seedDecidesTheText() {
    var (one, same, other) = (
      SeededGenerator(seed: 4), SeededGenerator(seed: 4), SeededGenerator(seed: 5)
    )
    let text = Grammar.tales.text(characters: 2000, using: &one)
    #expect(text == Grammar.tales.text(characters: 2000, using: &same))
    #expect(text != Grammar.tales.text(characters: 2000, using: &other))
  }

  @Test func alphabetIsSmall() throws {
    var generator = SeededGenerator(seed: 6)
    let text = Grammar.tales.text(characters: 50_000, using: &generator)
    #expect((30...60).contains(try Vocabulary(of: Array(text.utf8)).characters.count))
  }
}

/// Number of derivations of the beginnings of a text; independent of the generator's code.
private struct DerivationCounter {
  let grammar: Grammar
  let text: [Unicode.Scalar]
  private var known: [[Int: Int]?]

  init(grammar: Grammar, text: String) {
    self.grammar = grammar
    self.text = Array(text.unicodeScalars)
    known = Array(repeating: nil, count: grammar.rules.count * (self.text.count + 1))
  }

  /// Number of derivations from a rule of the text from `start`, by end.
  mutating func derivations(of rule: Int, from start: Int) -> [Int: Int] {
    let place = rule * (text.count + 1) + start
    if let counts = known[place] { return counts }
    var counts: [Int: Int] = [:]
    for alternative in grammar.rules[rule].alternatives {
      var ends = [start: 1]
      for symbol in alternative.symbols {
        var next: [Int: Int] = [:]
        for (end, count) in ends {
          switch symbol {
          case .literal(let literal):
            if text[end...].starts(with: literal.unicodeScalars) {
              next[end + literal.unicodeScalars.count, default: 0] += count
            }
          case .rule(let rule):
            for (end, ways) in derivations(of: rule, from: end) {
              next[end, default: 0] += count * ways
            }
          }
        }
        ends = next
      }
      counts.merge(ends, uniquingKeysWith: +)
    }
    known[place] = counts
    return counts
  }
}

/// LL(1) analysis of a grammar over words.
///
/// A *word* is a run of letters, or any other character, with the space before it if there is one.
private struct WordAnalysis {
  /// Rules with two alternatives that the next word does not distinguish.
  private(set) var conflicts: [String] = []
  /// Words that would be read as other words when adjacent.
  private(set) var brokenWords: Set<String> = []
  private(set) var isNullable: [Bool]

  /// Words that can begin, end and follow the text of each rule.
  private var first, last, follow: [Set<String>]

  private enum Part {
    case word(String)
    case rule(Int)
  }

  init(of grammar: Grammar) {
    let rules = grammar.rules.map { rule in
      rule.alternatives.map { alternative in
        alternative.symbols.flatMap { symbol -> [Part] in
          switch symbol {
          case .literal(let text): Self.words(of: text).map(Part.word)
          case .rule(let rule): [.rule(rule)]
          }
        }
      }
    }
    isNullable = rules.map { _ in false }
    first = rules.map { _ in [] }
    last = first
    follow = first
    follow[0] = ["end of text"]

    var size = -1
    while size != totalSize {
      size = totalSize
      follow[0].formUnion(first[0])
      for (rule, alternatives) in rules.enumerated() {
        for alternative in alternatives { extend(rule, by: alternative) }
      }
    }

    for (rule, alternatives) in rules.enumerated() {
      var seen: Set<String> = []
      for alternative in alternatives {
        let predictors = first(of: alternative, followedBy: follow[rule])
        if !seen.isDisjoint(with: predictors) { conflicts.append(grammar.rules[rule].name) }
        seen.formUnion(predictors)
      }
    }
    noteBrokenWords(between: last[0], and: first[0])
    for alternative in rules.joined() {
      for (index, part) in alternative.enumerated() {
        let following = first(of: alternative[(index + 1)...], followedBy: [])
        noteBrokenWords(between: last(of: part), and: following)
      }
    }
  }

  private var totalSize: Int {
    isNullable.count { $0 } + (first + last + follow).reduce(0) { $0 + $1.count }
  }

  /// Extends the sets by one alternative of a rule.
  private mutating func extend(_ rule: Int, by alternative: [Part]) {
    first[rule].formUnion(first(of: alternative, followedBy: []))
    isNullable[rule] = isNullable[rule] || alternative.allSatisfy(isNullable)
    for part in alternative.reversed() {
      last[rule].formUnion(last(of: part))
      guard isNullable(part) else { break }
    }
    for case (let index, .rule(let inner)) in alternative.enumerated() {
      let rest = alternative[(index + 1)...]
      follow[inner].formUnion(first(of: rest, followedBy: follow[rule]))
    }
  }

  private func isNullable(_ part: Part) -> Bool {
    if case .rule(let rule) = part { isNullable[rule] } else { false }
  }

  private func first(
    of parts: some Sequence<Part>, followedBy following: Set<String>
  ) -> Set<String> {
    var result: Set<String> = []
    for part in parts {
      switch part {
      case .word(let word): result.insert(word)
      case .rule(let rule): result.formUnion(first[rule])
      }
      guard isNullable(part) else { return result }
    }
    return result.union(following)
  }

  private func last(of part: Part) -> Set<String> {
    switch part {
    case .word(let word): [word]
    case .rule(let rule): last[rule]
    }
  }

  private mutating func noteBrokenWords(between left: Set<String>, and right: Set<String>) {
    for one in left {
      for other in right where Self.words(of: one + other) != [one, other] {
        brokenWords.insert(one + other)
      }
    }
  }

  private static func words(of text: String) -> [String] {
    var words: [String] = []
    for character in text {
      let previous = words.last?.last
      if previous == " " || (previous?.isLetter == true && character.isLetter) {
        words[words.count - 1].append(character)
      } else {
        words.append(String(character))
      }
    }
    return words
  }
}
