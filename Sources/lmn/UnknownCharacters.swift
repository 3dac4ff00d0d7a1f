import ArgumentParser
import LMN

/// Flag for characters that are not in the vocabulary of a model.
struct UnknownCharacterOptions: ParsableArguments {
  @Flag(help: "Leave out characters that are not in the vocabulary, and report their number.")
  var skipUnknown = false

  /// The flag, whether it is given, and the tasks it applies to.
  var usage: FlagUsage { ("--skip-unknown", skipUnknown, [.text, .classify]) }

  /// Reports the number of characters outside the vocabulary, if there are any.
  ///
  /// - Parameters:
  ///   - count: The number.
  ///   - text: Name of the text.
  func note(_ count: Int, of text: String) {
    guard count > 0 else { return }
    let characters = count == 1 ? "1 character" : "\(count) characters"
    Console.note(
      "\(text): \(characters) outside the vocabulary "
        + (skipUnknown ? "left out" : "read as the unknown token"))
  }

  /// Tokens of each text, and the number of characters outside the vocabulary.
  func tokens(
    of texts: LabelledTexts, by tokenizer: Tokenizer
  ) throws -> (tokens: [[Token]], unknownCount: Int) {
    do { return try texts.encoded(by: tokenizer, skippingUnknown: skipUnknown) } catch {
      throw UnusableInput(sentence(error))
    }
  }

  /// The sentence of an error, with this flag where it helps.
  func sentence(_ error: any Error) -> String {
    let cause: TokenizerError? =
      if case .unusableText(let error) = (error as? CSVError)?.problem { error } else {
        error as? TokenizerError
      }
    guard case .unknownCharacter = cause else { return "\(error)" }
    return "\(error); --skip-unknown leaves out such characters"
  }
}
