import ArgumentParser
import LMN

/// Flag for the column with the texts.
struct TextColumnOption: ParsableArguments {
  @Option(help: "classify: column of the texts. (default: text)")
  var textColumn: String?

  /// The flag, whether it is given, and the tasks it applies to.
  var usage: FlagUsage { ("--text-column", textColumn != nil, [.classify]) }
}

/// Flags for the columns of a table with texts and labels.
struct ColumnOptions: ParsableArguments {
  @OptionGroup var text: TextColumnOption
  @Option(help: "classify: column of the labels. (default: label)")
  var labelColumn: String?

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] { [text.usage, ("--label-column", labelColumn != nil, [.classify])] }

  /// The columns as classification settings.
  var settings: ClassificationSettings {
    var settings = ClassificationSettings()
    if let textColumn = text.textColumn { settings.textColumn = textColumn }
    if let labelColumn { settings.labelColumn = labelColumn }
    return settings
  }
}

/// A flag, whether it is given, and the tasks it applies to.
typealias FlagUsage = (flag: String, isGiven: Bool, tasks: [TaskKind])

extension TaskKind {
  /// Throws if a given flag does not apply to the task.
  func expect(_ usages: [FlagUsage]) throws {
    for (flag, isGiven, tasks) in usages where isGiven && !tasks.contains(self) {
      throw ValidationError("\(flag) has no meaning for the task \(rawValue).")
    }
  }
}
