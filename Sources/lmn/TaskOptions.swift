public import ArgumentParser
public import LMN

/// Flags that apply to single tasks.
struct TaskOptions: ParsableArguments {
  @Option(help: "Task to train for. (default: text, or the task of the resumed run)")
  var task: TaskKind?
  @OptionGroup var table: TableOptions
  @OptionGroup var columns: ColumnOptions
  @Option(
    help:
      "classify: pooling of a text's vectors; none for n-grams without the memory. (default: mean)")
  var pooling: Pooling?
  @Option(
    help: """
      classify: tokens of the longest n-gram, whose scores are added to those of the memory; 0 for no \
      n-grams. (default: 5)
      """)
  var nGrams: Int?
  @Option(
    help: """
      classify: rows of the table of n-grams, over which they are distributed by their hash. (default: \
      a power of two, as many as there are n-grams in the texts, at most 262144)
      """)
  var buckets: Int?
  @Option(help: "classify: weights of the classes in the training loss. (default: equal ones)")
  var classWeights: ClassWeights?
  @OptionGroup(title: "Forecasts") var series: SeriesOptions
  @Option(
    help: """
      forecast: horizon, the number of rows forecast at once; text, with --carry: horizon of the \
      gradients, the number of blocks per step. (default: 1)
      """)
  var horizon: Int?

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] {
    columns.usages + table.usages + series.usages + [
      ("--pooling", pooling != nil, [.classify]),
      ("--n-grams", nGrams != nil, [.classify]), ("--buckets", buckets != nil, [.classify]),
      ("--class-weights", classWeights != nil, [.classify]),
      ("--horizon", horizon != nil, [.forecast, .text]),
    ]
  }

  /// Settings of the given flags; fixed for a run.
  var settings: [Setting<TrainingConfiguration>] {
    columns.settings.map { Setting($0, in: \.task.classification) }
      + [
        Setting("--pooling", pooling, \.task.classification.pooling),
        Setting("--n-grams", nGrams, \.task.classification.longestNGram),
        Setting("--buckets", buckets, \.task.classification.buckets),
        Setting(
          "--class-weights", classWeights.map(Optional.some), \.task.classification.classWeights
        ) {
          $0?.rawValue ?? "equal"
        },
        Setting("--horizon", horizon, \.horizon),
      ].compactMap(\.self)
      + series.settings.map { Setting($0, in: \.task.forecast) }
  }
}

extension TrainingConfiguration {
  /// Horizon of a forecast, or of carried state.
  fileprivate var horizon: Int {
    get { task.kind == .forecast ? task.forecast.horizon : carry?.horizon ?? 1 }
    set {
      if task.kind == .forecast {
        task.forecast.horizon = newValue
      } else {
        carry?.horizon = newValue
      }
    }
  }
}

extension ClassificationSettings {
  /// Tokens of the longest n-gram; 0 for no n-grams.
  fileprivate var longestNGram: Int {
    get { nGrams?.longest ?? 0 }
    set { nGrams = newValue == 0 ? nil : .init(longest: newValue, buckets: buckets) }
  }

  /// Rows of the table of n-grams.
  fileprivate var buckets: Int {
    get { nGrams?.buckets ?? NGrams.Settings().buckets }
    set { nGrams?.buckets = newValue }
  }
}

/// Flags for tables of all kinds.
struct TableOptions: ParsableArguments {
  @Option(help: "classify, forecast: encoding of the table. (default: utf-8)")
  var encoding: TableEncoding?
  @Option(
    help: "classify, forecast: character between two fields, or tab. (default: ,)",
    transform: { text in
      let characters = Array((text == "tab" ? "\t" : text).utf8)
      guard characters.count == 1, characters[0] < 0x80, !"\"\r\n".utf8.contains(characters[0])
      else {
        throw ValidationError("--delimiter is '\(text)', it has to be one ASCII character or tab.")
      }
      return characters[0]
    })
  var delimiter: UInt8?
  @Flag(help: "classify, forecast: numbers have a decimal comma.")
  var decimalComma = false
  @Option(
    help: "classify, forecast: with none, the table has no header; its columns are called 1, 2, 3.")
  var header: Header?

  enum Header: String, ExpressibleByArgument, CaseIterable { case first, none }

  func validate() throws {
    if decimalComma && format.delimiter == UInt8(ascii: ",") {
      throw ValidationError("--decimal-comma needs a --delimiter that is no comma.")
    }
  }

  /// Format of the table.
  var format: TableFormat {
    var format = TableFormat()
    format.encoding = encoding ?? format.encoding
    format.delimiter = delimiter ?? format.delimiter
    format.decimalComma = decimalComma
    format.hasHeader = header != Header.none
    return format
  }

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] {
    [
      ("--encoding", encoding != nil), ("--delimiter", delimiter != nil),
      ("--decimal-comma", decimalComma), ("--header", header != nil),
    ].map { ($0, $1, [.classify, .forecast]) }
  }
}

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

  /// Settings of the given flags.
  var settings: [Setting<ClassificationSettings>] {
    [
      Setting("--text-column", text.textColumn, \.textColumn),
      Setting("--label-column", labelColumn, \.labelColumn),
    ].compactMap(\.self)
  }

  /// Classification settings with the given columns.
  var classification: ClassificationSettings { settings.reduce(into: .init()) { $1.apply(&$0) } }
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

extension TaskKind {
  /// Default settings of the task.
  var settings: TaskSettings {
    switch self {
    case .text: .text
    case .classify: .classify(.init())
    case .forecast: .forecast(.init())
    }
  }
}

extension TableEncoding: ExpressibleByArgument {}
extension TaskKind: ExpressibleByArgument {}
extension Pooling: ExpressibleByArgument {}
extension ClassWeights: ExpressibleByArgument {}
