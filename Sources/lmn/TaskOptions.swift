public import ArgumentParser
public import LMN

/// Flags of single tasks.
struct TaskOptions: ParsableArguments {
  @Option(help: "The task. (default: text, or that of the resumed run)")
  var task: TaskKind?
  @OptionGroup var columns: ColumnOptions
  @Option(help: "classify: pooling of a text's vectors. (default: mean)")
  var pooling: Pooling?
  @Option(
    help: "forecast: columns to forecast, with commas between them. (default: all)",
    transform: ChannelList.init)
  var channels: ChannelList?
  @Option(help: "forecast: values of every channel that are forecast at once. (default: 1)")
  var horizon: Int?
  @Option(help: "forecast: training loss. (default: mse)")
  var objective: Objective?

  /// Names with commas between them.
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

  /// The flags, whether they were given, and the tasks that they have a meaning for.
  var usages: [FlagUsage] {
    columns.usages + [
      ("--pooling", pooling != nil, [.classify]),
      ("--channels", channels != nil, [.forecast]),
      ("--horizon", horizon != nil, [.forecast]),
      ("--objective", objective != nil, [.forecast]),
    ]
  }

  /// The flags that were given, fixed for a run.
  var settings: [Setting<TrainingConfiguration>] {
    [
      Setting("--text-column", columns.text.textColumn, \.task.classification.textColumn),
      Setting("--label-column", columns.labelColumn, \.task.classification.labelColumn),
      Setting("--pooling", pooling, \.task.classification.pooling),
      Setting("--channels", channels.map { Optional($0.names) }, \.task.forecast.channels) {
        $0?.joined(separator: ",") ?? "all"
      },
      Setting("--horizon", horizon, \.task.forecast.horizon),
      Setting("--objective", objective?.error, \.task.forecast.objective) {
        $0 == .squared ? "mse" : "mae"
      },
    ].compactMap(\.self)
  }
}

extension TaskKind {
  /// The task with its default settings.
  var settings: TaskSettings {
    switch self {
    case .text: .text
    case .classify: .classify(.init())
    case .forecast: .forecast(.init())
    }
  }
}

extension TaskKind: ExpressibleByArgument {}
extension Pooling: ExpressibleByArgument {}
