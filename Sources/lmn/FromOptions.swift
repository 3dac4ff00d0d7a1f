import ArgumentParser
import LMN

/// Flags of a run that begins with the weights of a model.
struct FromOptions: ParsableArguments {
  @Option(
    help: """
      Model to begin with, a run's directory or a model file: its weights, configuration and \
      vocabulary, with a new optimizer.
      """, completion: .directory)
  var from: String?
  @OptionGroup var weights: WeightsOption
  @Flag(
    help: """
      With --from: add characters of the text that the model's vocabulary lacks, with new weights; \
      not for a Memformer.
      """)
  var extendVocabulary = false

  func validate() throws {
    if from != nil { return }
    for (flag, isGiven) in [
      ("--weights", weights.weights != nil), ("--extend-vocabulary", extendVocabulary),
    ] where isGiven {
      throw ValidationError("\(flag) has no meaning without --from.")
    }
  }

  /// The tokenizer for a text, from that of the model.
  ///
  /// - Parameters:
  ///   - tokenizer: Tokenizer of the model.
  ///   - text: The characters of the text; called for a tokenizer of characters.
  ///   - file: Name of the text in errors.
  /// - Returns: The tokenizer, with more characters if the vocabulary may be extended.
  /// - Throws: A list of the characters that the vocabulary lacks, otherwise; nothing where it has an
  ///   unknown token, which stands for them.
  func tokenizer(
    from tokenizer: Tokenizer, for text: () throws -> Vocabulary, file: String
  ) throws -> Tokenizer {
    guard case .characters(let known) = tokenizer else { return tokenizer }
    if tokenizer.hasUnknown {
      if extendVocabulary {
        throw ValidationError(
          "--extend-vocabulary has no meaning for a vocabulary with an unknown token.")
      }
      return tokenizer
    }
    let missing = try text().characters.filter { !known.characters.contains($0) }
    if missing.isEmpty { return tokenizer }
    if extendVocabulary { return .characters(try Vocabulary(known.characters + missing)) }
    let count = missing.count == 1 ? "1 character is" : "\(missing.count) characters are"
    let names = missing.map(\.displayName).joined(separator: ", ")
    throw UnusableInput(
      "\(file): \(count) not in the vocabulary of \(from ?? "the model"): \(names); "
        + "--extend-vocabulary adds them")
  }
}
