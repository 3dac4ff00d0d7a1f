public import ArgumentParser
public import LMN

/// The flags of single tasks.
struct TaskOptions: ParsableArguments {
  @Option(help: "What to learn. (default: text, or what the resumed run is for)")
  var task: TaskKind?
  @Option(help: "classify: the column with the texts. (default: text)")
  var textColumn: String?
  @Option(help: "classify: the column with their classes. (default: label)")
  var labelColumn: String?
  @Option(help: "classify: how the vectors of a text become one. (default: mean)")
  var pooling: Pooling?
  @Option(
    help: "forecast: the columns to forecast, with commas between them. (default: all)",
    transform: ChannelList.init)
  var channels: ChannelList?
  @Option(help: "forecast: how many values of every channel. (default: 1)")
  var horizon: Int?
  @Option(help: "forecast: the mean error to make small. (default: mse)")
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

  /// Throws when a flag is given that has no meaning for the task, `other` flags among them.
  func expectFlags(of task: TaskKind, other: [(flag: String, isGiven: Bool, tasks: [TaskKind])])
    throws
  {
    let flags: [(flag: String, isGiven: Bool, tasks: [TaskKind])] = [
      ("--text-column", textColumn != nil, [.classify]),
      ("--label-column", labelColumn != nil, [.classify]),
      ("--pooling", pooling != nil, [.classify]),
      ("--channels", channels != nil, [.forecast]),
      ("--horizon", horizon != nil, [.forecast]),
      ("--objective", objective != nil, [.forecast]),
    ]
    for (flag, isGiven, tasks) in flags + other where isGiven && !tasks.contains(task) {
      throw ValidationError("\(flag) has no meaning for the task \(task.rawValue).")
    }
  }

  /// What is decided when a run begins.
  var settings: [Setting<TrainingConfiguration>] {
    [
      Setting("--text-column", textColumn, \.task.classification.textColumn),
      Setting("--label-column", labelColumn, \.task.classification.labelColumn),
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
