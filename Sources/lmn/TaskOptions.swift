public import ArgumentParser
public import LMN

/// Flags that apply to single tasks.
struct TaskOptions: ParsableArguments {
  @Option(help: "Task to train for. (default: text, or the task of the resumed run)")
  var task: TaskKind?
  @OptionGroup var table: TableOptions
  @OptionGroup var columns: ColumnOptions
  @Option(help: "classify: pooling of a text's vectors. (default: mean)")
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
  @Option(
    help: "forecast: columns to forecast, separated by commas. (default: all)",
    transform: ChannelList.init)
  var channels: ChannelList?
  @Option(
    help: """
      forecast: horizon, the number of rows forecast at once; text, with --carry: horizon of the \
      gradients, the number of blocks per step. (default: 1)
      """)
  var horizon: Int?
  @Option(help: "forecast: training loss. (default: mse)")
  var objective: Objective?

  /// Names separated by commas.
  struct ChannelList {
    let names: [String]

    init(_ text: String) throws {
      names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
        throw ValidationError("--channels names '\(name)' twice.")
      }
    }
  }

  enum Objective: String, ExpressibleByArgument, CaseIterable {
    case mse, mae
    var error: PredictionError { self == .mse ? .squared : .absolute }
  }

  /// The flags, whether they are given, and the tasks they apply to.
  var usages: [FlagUsage] {
    columns.usages + [
      table.usage,
      ("--pooling", pooling != nil, [.classify]),
      ("--n-grams", nGrams != nil, [.classify]), ("--buckets", buckets != nil, [.classify]),
      ("--class-weights", classWeights != nil, [.classify]),
      ("--channels", channels != nil, [.forecast]),
      ("--horizon", horizon != nil, [.forecast, .text]),
      ("--objective", objective != nil, [.forecast]),
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
        Setting("--channels", channels.map { Optional($0.names) }, \.task.forecast.channels) {
          $0?.joined(separator: ",") ?? "all"
        },
        Setting("--horizon", horizon, \.horizon),
        Setting("--objective", objective?.error, \.task.forecast.objective) {
          $0 == .squared ? "mse" : "mae"
        },
      ].compactMap(\.self)
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

/// Flag for tables of all kinds.
struct TableOptions: ParsableArguments {
  @Option(
    name: .customLong("encoding"),
    help: "classify, forecast: encoding of the table. (default: utf-8)")
  var givenEncoding: TableEncoding?

  /// Encoding of the table.
  var encoding: TableEncoding { givenEncoding ?? .utf8 }

  /// The flag, whether it is given, and the tasks it applies to.
  var usage: FlagUsage { ("--encoding", givenEncoding != nil, [.classify, .forecast]) }
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
