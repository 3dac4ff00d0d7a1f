import ArgumentParser
import LMN

/// Flag of the column with the texts to classify.
struct TextColumnOption: ParsableArguments {
  @Option(help: "classify: column with the texts. (default: text)")
  var textColumn: String?

  /// The flag, whether it was given, and the tasks that it has a meaning for.
  var usage: FlagUsage { ("--text-column", textColumn != nil, [.classify]) }
}

/// Flags of the columns of a table with texts and their classes.
struct ColumnOptions: ParsableArguments {
  @OptionGroup var text: TextColumnOption
  @Option(help: "classify: column with the labels. (default: label)")
  var labelColumn: String?

  /// The flags, whether they were given, and the tasks that they have a meaning for.
  var usages: [FlagUsage] { [text.usage, ("--label-column", labelColumn != nil, [.classify])] }

  /// The columns, as a classification has them.
  var settings: ClassificationSettings {
    var settings = ClassificationSettings()
    if let textColumn = text.textColumn { settings.textColumn = textColumn }
    if let labelColumn { settings.labelColumn = labelColumn }
    return settings
  }
}

/// A flag, whether it was given, and the tasks that it has a meaning for.
typealias FlagUsage = (flag: String, isGiven: Bool, tasks: [TaskKind])

extension TaskKind {
  /// Throws when a flag is given that has no meaning for the task.
  func expect(_ usages: [FlagUsage]) throws {
    for (flag, isGiven, tasks) in usages where isGiven && !tasks.contains(self) {
      throw ValidationError("\(flag) has no meaning for the task \(rawValue).")
    }
  }
}
