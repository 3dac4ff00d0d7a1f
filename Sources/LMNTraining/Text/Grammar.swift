public import LMNLayers

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A text generator with exactly known entropy, the lower bound of a model's mean loss.
///
/// It is a probabilistic context-free grammar. Generation starts from the first rule, chooses one
/// alternative of a rule with probability weight / sum of weights, and expands each `{rule}` in it;
/// the text is a sequence of such *sentences*. For a rule A with alternatives i of probability pᵢ,
///
///     entropy(A) = Σᵢ pᵢ (−log pᵢ + Σ entropy(B))        B: the rules named in alternative i
///     length(A)  = Σᵢ pᵢ (literal characters of i + Σ length(B))
///
/// are two linear systems (rules may be recursive), and the entropy of the text per character is
///
///     entropyPerCharacter = entropy(first rule) / length(first rule)
///
/// This is the entropy of the *choices*. It equals that of the text if the text determines the
/// choices, that is if the grammar is unambiguous and no sentence is a prefix of another. ``tales``
/// has this property by construction: read in words, the first word of an alternative distinguishes
/// it from its siblings and from all that may follow an empty one (the grammar is LL(1)).
public struct Grammar: Sendable {
  /// Entropy of the text in nats per character.
  public let entropyPerCharacter: Double

  /// The rules; sentences start from the first.
  package let rules: [Rule]

  /// Generates `characters` characters; the last sentence is truncated.
  public func text(characters: Int, using generator: inout SeededGenerator) -> String {
    var text = String.UnicodeScalarView()
    var missing = characters
    while missing > 0 {
      let sentence = sentence(using: &generator).text.unicodeScalars.prefix(missing)
      text += sentence
      missing -= sentence.count
    }
    return String(text)
  }
}

// MARK: - The built-in grammar

extension Grammar {
  /// Short tales of a hero, a treasure and the animals and people they meet.
  ///
  /// Good predictions need a memory: a verb agrees with a subject that relative clauses and asides
  /// may have separated from it, speech and asides are nested and must be closed, the pronoun of
  /// each line is that of the hero, and the last line repeats hero and treasure.
  public static let tales = Grammar([
    "tale": [
      "Mary had a{Mary's treasure}": 4,
      "John had a{John's treasure}": 3,
      "The twins had a{the twins' treasure}": 3,
    ],
    "Mary's treasure": [
      " red box.\n{her days}So Mary lost the red box.\n\n": 3,
      " silver key.\n{her days}So Mary lost the silver key.\n\n": 2,
      " wooden ship.\n{her days}So Mary lost the wooden ship.\n\n": 2,
    ],
    "John's treasure": [
      " black hat.\n{his days}So John lost the black hat.\n\n": 3,
      " golden ring.\n{his days}So John lost the golden ring.\n\n": 2,
      " paper crown.\n{his days}So John lost the paper crown.\n\n": 2,
    ],
    "the twins' treasure": [
      " blue kite.\n{their days}So the twins lost the blue kite.\n\n": 3,
      " copper bell.\n{their days}So the twins lost the copper bell.\n\n": 2,
      " glass ball.\n{their days}So the twins lost the glass ball.\n\n": 2,
    ],
    "her days": ["She{does}.\n{her days}": 6, "{statement}.\n{her days}": 6, "": 1],
    "his days": ["He{does}.\n{his days}": 6, "{statement}.\n{his days}": 6, "": 1],
    "their days": ["They{do}.\n{their days}": 6, "{statement}.\n{their days}": 6, "": 1],

    "statement": [
      "One{creature}{does}": 1, "No{creature}{does}": 1, "Each{creature}{does}": 1,
      "Two{creatures}{do}": 1, "Six{creatures}{do}": 1, "All{creatures}{do}": 1,
    ],
    "does": ["{likes}{someone}": 8, "{sleeps}": 5, " says: \"{statement}\"": 1],
    "do": ["{like}{someone}": 8, "{sleep}": 5, " say: \"{statement}\"": 1],
    "someone": [
      " one{creature}": 1, " no{creature}": 1, " each{creature}": 1,
      " two{creatures}": 1, " six{creatures}": 1, " all{creatures}": 1,
    ],
    "someone likes": [
      " one{creature}{likes}": 1, " no{creature}{likes}": 1, " each{creature}{likes}": 1,
      " two{creatures}{like}": 1, " six{creatures}{like}": 1, " all{creatures}{like}": 1,
    ],

    "creature": ["{quality}{animal}{who does}": 1],
    "creatures": ["{quality}{animals}{who do}": 1],
    "who does": ["": 8, " that{does}": 3, " whom{someone likes}": 2, " ({aside})": 2],
    "who do": ["": 8, " that{do}": 3, " whom{someone likes}": 2, " ({aside})": 2],
    "aside": ["like{someone}": 3, "unlike{someone}": 1, "so they say": 1, "who knows": 1],

    "quality": ["": 1, "{adjective}{quality}": 1],
    "adjective": .words(
      "bad big bold calm coy deaf dull fat fond glad gray hot icy ill kind lame lazy mad meek mild "
        + "neat new odd old pale poor red rich sad shy sly tall thin tiny ugly vain wet wild wise"),
    "animal": .words(
      "ant ape bat bee boy bug cat cow cub dog duck eel elf elk fox frog girl gnu goat hen hog jay "
        + "king lad maid mole nun owl pig pup ram rat seal toad vet wasp wolf yak"),
    "animals": .words(
      "ants apes bats bees boys bugs cats cows cubs dogs ducks eels elves elks foxes frogs girls "
        + "gnus goats hens hogs jays kings lads maids moles nuns owls pigs pups rams rats seals "
        + "toads vets wasps wolves yaks"),
    "likes": .words(
      "asks bans bites calls dupes eyes fears feeds finds gets hates helps hugs jails kicks likes "
        + "loves meets needs nips owes pats pays robs sees tags"),
    "like": .words(
      "ask ban bite call dupe eye fear feed find get hate help hug jail kick like love meet need "
        + "nip owe pat pay rob see tag"),
    "sleeps": .words(
      "ages begs bows cries digs dives eats falls grins hides jogs jumps lies moves naps nods "
        + "quits rests runs sings sits skis sleeps swims talks waits weeps wins yawns"),
    "sleep": .words(
      "age beg bow cry dig dive eat fall grin hide jog jump lie move nap nod quit rest run sing "
        + "sit ski sleep swim talk wait weep win yawn"),
  ])
}

// MARK: - Rules

extension Grammar {
  /// A rule: a name and its alternatives.
  package struct Rule: Sendable {
    package let name: String
    package let alternatives: [Alternative]
    let totalWeight: Int

    func alternative(using generator: inout SeededGenerator) -> Alternative {
      var ticket = generator.integer(below: totalWeight)
      return alternatives.first { alternative in
        ticket -= alternative.weight
        return ticket < 0
      }!
    }
  }

  /// An alternative of a rule, with its weight.
  package struct Alternative: Sendable {
    let weight: Int
    let probability: Double
    package let symbols: [Symbol]
  }

  /// A symbol of an alternative.
  package enum Symbol: Sendable {
    case literal(String)
    /// The rule at an index.
    case rule(Int)
  }

  /// Alternatives of a rule and their weights, as a dictionary literal.
  package struct Choices: ExpressibleByDictionaryLiteral {
    let weights: [(text: String, weight: Int)]

    package init(dictionaryLiteral weights: (String, Int)...) {
      self.init(weights: weights.map { (text: $0.0, weight: $0.1) })
    }

    private init(weights: [(text: String, weight: Int)]) {
      self.weights = weights
    }

    /// The words of a list, with equal weights and a space before each.
    static func words(_ list: String) -> Choices {
      Choices(weights: list.split(separator: " ").map { (text: " \($0)", weight: 1) })
    }
  }

  /// A grammar from a table, in whose alternatives rule names are in braces.
  ///
  /// - Precondition: Every name in braces has a rule, weights are positive, and sentences have a
  ///   finite mean length.
  package init(_ table: KeyValuePairs<String, Choices>) {
    let indices = Dictionary(uniqueKeysWithValues: zip(table.map(\.key), table.indices))
    rules = table.map { name, choices in
      let totalWeight = choices.weights.reduce(0) { $0 + $1.weight }
      let alternatives = choices.weights.map { text, weight in
        precondition(weight > 0, "an alternative of \(name) has the weight \(weight)")
        return Alternative(
          weight: weight, probability: Double(weight) / Double(totalWeight),
          symbols: Self.symbols(of: text, indices: indices))
      }
      return Rule(name: name, alternatives: alternatives, totalWeight: totalWeight)
    }
    entropyPerCharacter = Self.entropyPerCharacter(of: rules)
  }

  private static func symbols(of text: String, indices: [String: Int]) -> [Symbol] {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "{" || $0 == "}" }
    return parts.enumerated().compactMap { position, part in
      guard position.isMultiple(of: 2) else {
        guard let index = indices[String(part)] else {
          preconditionFailure("no rule for {\(part)}")
        }
        return .rule(index)
      }
      return part.isEmpty ? nil : .literal(String(part))
    }
  }

  /// Solves the two linear systems of the type's documentation for the first rule.
  private static func entropyPerCharacter(of rules: [Rule]) -> Double {
    let (entropy, length) = (rules.count, rules.count + 1)
    // Row A is the equation x(A) − Σ p x(B) = (own entropy, own length).
    var rows = rules.indices.map { row in
      (0..<rules.count + 2).map { $0 == row ? 1.0 : 0.0 }
    }
    for (row, rule) in rules.enumerated() {
      for alternative in rule.alternatives {
        let probability = alternative.probability
        rows[row][entropy] -= probability * log(probability)
        for symbol in alternative.symbols {
          switch symbol {
          case .literal(let text):
            rows[row][length] += probability * Double(text.unicodeScalars.count)
          case .rule(let index): rows[row][index] -= probability
          }
        }
      }
    }
    for pivot in rules.indices.reversed() {
      // The matrix is an M-matrix. Its pivots are positive without row exchanges if and only if the
      // mean length is finite.
      precondition(rows[pivot][pivot] > 0, "sentences do not have a finite mean length")
      for row in 0..<pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in rows[row].indices { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    return rows[0][entropy] / rows[0][length]
  }

  /// Generates one sentence and its surprisal, −log of the probability of its choices.
  package func sentence(
    using generator: inout SeededGenerator
  ) -> (text: String, surprisal: Double) {
    var text = ""
    var surprisal = 0.0
    var pending = [Symbol.rule(0)]
    while let symbol = pending.popLast() {
      switch symbol {
      case .literal(let literal): text += literal
      case .rule(let index):
        let alternative = rules[index].alternative(using: &generator)
        surprisal -= log(alternative.probability)
        pending += alternative.symbols.reversed()
      }
    }
    return (text, surprisal)
  }
}
