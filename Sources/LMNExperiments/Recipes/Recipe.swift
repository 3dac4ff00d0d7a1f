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
  /// Files that it reads.
  static var input: RecipeInput { get }

  /// The recipe in one of its forms.
  ///
  /// - Parameters:
  ///   - form: Long or short form.
  ///   - files: Files to read, as many as ``input`` allows.
  /// - Throws: Errors of the files.
  init(_ form: RecipeForm, files: [RecipeFile]) throws

  /// The files that are read.
  var files: [RecipeFile] { get }
  /// The cells, in the order of their measurement.
  var cells: [Cell] { get throws }
  /// The report on the results of all cells.
  func report(on results: Results) -> Report
}

extension Recipe {
  /// The summary says it all.
  public static var discussion: String { "" }
  /// None.
  public static var input: RecipeInput { .nothing }
  /// The recipe reads no files.
  public var files: [RecipeFile] { [] }
}

/// Files that a recipe reads.
public enum RecipeInput: Sendable {
  /// None.
  case nothing
  /// A text; without one, that of the built-in grammar.
  case text
  /// Any number of CSV tables, beside the recipe's own data.
  case tables

  /// Largest number of files.
  public var mostFiles: Int {
    switch self {
    case .nothing: 0
    case .text: 1
    case .tables: .max
    }
  }
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

/// File that a recipe trains and tests networks on.
public struct RecipeFile: Sendable {
  /// Name in the report.
  public let name: String
  /// The content.
  public let bytes: [UInt8]

  /// The file at a path; a text in UTF-8, without its byte-order mark.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError`.
  public init(contentsOf path: String) throws {
    name = String(path.split(separator: "/").last ?? path[...])
    bytes = try AtomicFile.text(of: path)
  }

  init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

  /// The name without the ending of a table.
  var title: String { name.hasSuffix(".csv") ? String(name.dropLast(4)) : name }

  /// A million characters of the built-in grammar.
  public static var grammar: RecipeFile {
    var generator = SeededGenerator(seed: 1)
    let text = Grammar.tales.text(characters: 1_000_000, using: &generator)
    return RecipeFile(name: "the built-in grammar", bytes: Array(text.utf8))
  }
}
