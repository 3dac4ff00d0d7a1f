import ArgumentParser
import LMN

/// The columns of a table that a classifier reads.
struct ColumnOptions: ParsableArguments {
  @Option(help: "Of a classifier: the column with the texts. (default: text)")
  var textColumn: String?
  @Option(help: "Of a classifier: the column with their classes. (default: label)")
  var labelColumn: String?

  /// Throws when a flag is given that has no meaning for the task.
  func expectFlags(of task: TaskKind) throws {
    for (flag, value) in [("--text-column", textColumn), ("--label-column", labelColumn)]
    where task != .classify && value != nil {
      throw ValidationError("\(flag) has no meaning for the task \(task.rawValue).")
    }
  }

  /// The columns, as a classification has them.
  var settings: ClassificationSettings {
    var settings = ClassificationSettings()
    if let textColumn { settings.textColumn = textColumn }
    if let labelColumn { settings.labelColumn = labelColumn }
    return settings
  }
}
