internal import LMNLayers
internal import LMNTraining

/// Recipe of an experiment: cells that are measured one by one, and a report on their results.
public protocol Recipe: Sendable {
  /// Name on the command line.
  static var name: String { get }
  /// One line for the command's help.
  static var summary: String { get }
  /// More about it for the command's help; empty for nothing.
  static var discussion: String { get }
  /// Whether the recipe reads a text.
  static var readsText: Bool { get }

  /// The recipe in one of its forms.
  ///
  /// - Parameters:
  ///   - form: Long or short form.
  ///   - text: The text; nil for that of the built-in grammar, or if the recipe reads none.
  /// - Throws: Errors of the text.
  init(_ form: RecipeForm, text: RecipeText?) throws

  /// The text; nil if the recipe reads none.
  var text: RecipeText? { get }
  /// The cells, in the order of their measurement.
  var cells: [Cell] { get throws }
  /// The report on the results of all cells.
  func report(on results: Results) -> Report
}

extension Recipe {
  /// The summary says it all.
  public static var discussion: String { "" }
  /// The recipe reads no text.
  public static var readsText: Bool { false }
  /// The recipe reads no text.
  public var text: RecipeText? { nil }
}

/// Long or short form of a recipe.
public enum RecipeForm: String, Sendable, Encodable {
  /// The form whose results are evidence.
  case full
  /// The same cells or fewer, made small: shows in minutes that the recipe runs.
  case quick

  /// The value of this form.
  func callAsFunction<Value>(full: Value, quick: Value) -> Value { self == .full ? full : quick }

  /// Random seeds of a training.
  var seeds: [UInt64] { [1, 2, 3] }
}

/// Text that a recipe trains and tests networks on.
public struct RecipeText: Sendable {
  /// Name in the report.
  public let name: String
  /// The text in UTF-8.
  public let bytes: [UInt8]

  /// A text of a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError`.
  public init(contentsOf path: String) throws {
    name = String(path.split(separator: "/").last ?? path[...])
    bytes = try AtomicFile.text(of: path)
  }

  init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

  /// A million characters of the built-in grammar.
  public static var grammar: RecipeText {
    var generator = SeededGenerator(seed: 1)
    let text = Grammar.tales.text(characters: 1_000_000, using: &generator)
    return RecipeText(name: "the built-in grammar", bytes: Array(text.utf8))
  }
}
