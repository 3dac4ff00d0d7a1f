internal import FoundationEssentials
internal import LMNCharts
internal import LMNTraining

/// Run of a recipe in an output directory, which an interrupted run continues.
///
/// `configurations.json` has the settings of all cells. Every finished cell is a file
/// `cells/ID.json`, and is not measured again. At the end, `report.md`, `report.html`, an SVG file
/// per chart and `results.csv` are written.
public struct RecipeRun {
  /// Output directory.
  public let directory: String
  /// The cells.
  public let cells: [Cell]
  private let recipe: any Recipe
  private let form: RecipeForm
  private var lock: DirectoryLock?

  /// Event of a run.
  public enum Event {
    /// A cell is being measured; `part` is the finished part of the work of all cells, 0 to 1.
    case progress(cell: Int, part: Double)
    /// A cell was measured.
    case finished(cell: Int, seconds: Double)
  }

  /// A run of a recipe.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - form: Its form.
  ///   - directory: Output directory, created if missing.
  /// - Throws: Errors of the recipe.
  public init(_ recipe: any Recipe, form: RecipeForm, in directory: String) throws {
    self.directory = directory
    self.recipe = recipe
    self.form = form
    cells = try recipe.cells
    let ids = cells.map(\.id)
    precondition(Set(ids).count == ids.count, "RecipeRun: cells of \(type(of: recipe)) share an id")
  }

  private func path(_ name: String) -> String { "\(directory)/\(name)" }
  private func file(of cell: Cell) -> String { path("cells/\(cell.id).json") }

  /// Prepares the output directory, and locks it for this process.
  ///
  /// - Parameter resuming: Whether the directory holds this run, to be continued.
  /// - Throws: ``RecipeError``, or `FileError`.
  public mutating func begin(resuming: Bool) throws {
    let settings =
      try sortedJSON(RecipeConfigurations(recipe: recipe, form: form, cells: cells)) + "\n"
    let file = path("configurations.json")
    let exists = FileIdentity(file) != nil
    if exists && !resuming { throw RecipeError.occupied(directory: directory) }
    if !exists && resuming { throw RecipeError.nothingToResume(directory: directory) }
    try RunDirectory(path("cells")).create()
    guard let lock = try DirectoryLock(directory) else {
      throw RecipeError.inUse(directory: directory)
    }
    self.lock = lock
    if exists {
      guard try AtomicFile.contents(of: file) == Array(settings.utf8) else {
        throw RecipeError.anotherRecipe(file: file)
      }
    } else {
      try AtomicFile.write(Array(settings.utf8), to: file)
    }
  }

  /// Measures all cells that are not finished, and writes the report.
  ///
  /// - Parameters:
  ///   - shouldStop: Whether to end early; finished cells are kept.
  ///   - isolated: Measures a cell in a process of its own.
  ///   - report: Called for each event.
  /// - Returns: The paths of the report's files; nil if the run ended early.
  /// - Throws: `FileError`, ``RecipeError``, or errors of a cell.
  public func run(
    shouldStop: @escaping () -> Bool = { false },
    isolated: (Cell) throws -> [MeasuredValue],
    report: @escaping (Event) throws -> Void = { _ in }
  ) throws -> [String]? {
    let total = max(cells.reduce(0) { $0 + $1.cost }, .leastNonzeroMagnitude)
    var (entries, before): ([Results.Entry], Double) = ([], 0)
    for (index, cell) in cells.enumerated() {
      let (done, cost) = (before, cell.cost)
      before += cost
      if let entry = try finishedEntry(of: cell) {
        entries.append(entry)
        continue
      }
      if shouldStop() { return nil }
      try report(.progress(cell: index, part: done / total))
      let work = CellWork(directory: path("cells/\(cell.id)"), shouldStop: shouldStop) { part in
        try report(.progress(cell: index, part: (done + cost * part) / total))
      }
      let start = ContinuousClock.now
      let measurements: [MeasuredValue]
      do {
        measurements = try cell.needsOwnProcess ? isolated(cell) : cell.measure(work)
      } catch is RecipeInterruption { return nil }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let entry = Results.Entry(
        id: cell.id, labels: cell.labels, measurements: measurements, seconds: seconds,
        date: Date.now.formatted(.iso8601.year().month().day()), machine: .current)
      try AtomicFile.write(Array((sortedJSON(entry) + "\n").utf8), to: file(of: cell))
      entries.append(entry)
      try report(.finished(cell: index, seconds: seconds))
    }
    return try write(Results(entries: entries))
  }

  private func finishedEntry(of cell: Cell) throws -> Results.Entry? {
    let file = file(of: cell)
    guard FileIdentity(file) != nil else { return nil }
    let bytes = try AtomicFile.contents(of: file)
    guard let entry = try? JSONDecoder().decode(Results.Entry.self, from: Data(bytes)),
      entry.id == cell.id
    else { throw RecipeError.unreadableCell(file: file) }
    return entry
  }

  /// Writes report, charts and results; returns their paths.
  private func write(_ results: Results) throws -> [String] {
    var report = recipe.report(on: results)
    report.parts.insert(.paragraph(heading(of: results)), at: 0)
    precondition(
      Set(report.charts.map(\.file)).count == report.charts.count,
      "RecipeRun: charts of \(type(of: recipe)) share a name")
    let files =
      [
        ("report.html", report.html), ("report.md", report.markdown),
        ("results.csv", results.csv),
      ] + report.charts.map { ($0.file, $0.chart.svg) }
    for (name, content) in files { try AtomicFile.write(Array(content.utf8), to: path(name)) }
    return files.map { path($0.0) }
  }

  /// Form, text, machines, dates and duration.
  private func heading(of results: Results) -> String {
    let entries = results.entries
    var machines: [String] = []
    for machine in entries.map(\.machine.description) where !machines.contains(machine) {
      machines.append(machine)
    }
    let dates = entries.map(\.date)
    let (first, last) = (dates.min() ?? "", dates.max() ?? "")
    let seconds = entries.reduce(0) { $0 + $1.seconds }
    let name = type(of: recipe).name
    return "lmn experiment \(name)\(form == .quick ? " --quick" : ""): \(entries.count) cells"
      + recipe.files.map { ", \($0.name) (\($0.bytes.count) bytes)" }.joined() + ". "
      + "\(machines.joined(separator: "; ")); \(first == last ? first : "\(first) to \(last)"); "
      + "\((seconds / 60).decimals(1)) minutes. "
      + "Figures are means ± standard deviations over the seeds; bands reach from the lowest to the "
      + "highest."
      + form(
        full: "",
        quick: " This short form, with few steps, shows that the recipe runs; it is no evidence.")
  }
}

/// An output directory that a run cannot use.
public enum RecipeError: Error, Equatable, CustomStringConvertible {
  /// The directory holds a run.
  case occupied(directory: String)
  /// The directory holds no run to continue.
  case nothingToResume(directory: String)
  /// Another process has the directory.
  case inUse(directory: String)
  /// The directory holds a run with other settings.
  case anotherRecipe(file: String)
  /// The file of a finished cell cannot be read.
  case unreadableCell(file: String)
  /// Two files, or a file and data of the recipe, have names that are alike in the names of cells.
  case alikeNames(String, String)
  /// No class of a table has the texts for a test part.
  case noTest(file: String)

  /// A sentence with the path.
  public var description: String {
    switch self {
    case .occupied(let directory):
      "\(directory) holds an experiment already; continue it with --resume or choose another "
        + "directory"
    case .nothingToResume(let directory): "\(directory) holds no experiment to continue"
    case .inUse(let directory): "another process runs an experiment in \(directory)"
    case .anotherRecipe(let file):
      "\(file) has other settings than this experiment: another recipe, form, text or version"
    case .alikeNames(let one, let other):
      "cells of '\(one)' and '\(other)' would have the same names; rename a file"
    case .noTest(let file):
      "\(file): no label has five texts, a fifth of which would be the test"
    case .unreadableCell(let file): "\(file) is not the result of its cell; delete it to repeat it"
    }
  }
}

extension RecipeError {
  /// Throws unless names of data differ as parts of the names of cells.
  static func expectDifferent(_ names: [String], asLabel label: String) throws(RecipeError) {
    var seen: [String: String] = [:]
    for name in names {
      let word = Cell.Label(label, name).word
      if let other = seen.updateValue(name, forKey: word) { throw .alikeNames(other, name) }
    }
  }
}

/// Settings of a run, for its file.
private struct RecipeConfigurations: Encodable {
  let recipe: any Recipe
  let form: RecipeForm
  let cells: [Cell]

  enum CodingKeys: String, CodingKey { case recipe, form, files, cells }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(type(of: recipe).name, forKey: .recipe)
    try container.encode(form, forKey: .form)
    try container.encode(recipe.files.map(File.init), forKey: .files)
    try container.encode(cells.map(Entry.init), forKey: .cells)
  }

  private struct File: Encodable {
    let name, fingerprint: String

    init(_ file: RecipeFile) {
      var fingerprint = Fingerprint()
      fingerprint.add(file.bytes)
      (name, self.fingerprint) = (file.name, fingerprint.description)
    }
  }

  private struct Entry: Encodable {
    let cell: Cell

    enum CodingKeys: String, CodingKey { case id, labels, configuration }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(cell.id, forKey: .id)
      try container.encode(cell.labels, forKey: .labels)
      try cell.configuration.encode(to: container.superEncoder(forKey: .configuration))
    }
  }
}
