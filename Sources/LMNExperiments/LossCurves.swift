internal import FoundationEssentials
public import LMNCharts
internal import LMNTraining

/// Losses of training runs, read from their logs.
public struct LossCurves: Sendable {
  /// Losses of one run.
  public struct Run: Sendable {
    /// Name of the run.
    public let name: String
    /// Training losses by step.
    public let training: [LineChart.Point]
    /// Validation losses by step; empty where none were measured.
    public let validation: [LineChart.Point]
  }

  /// The runs.
  public let runs: [Run]

  /// Reads logs of `lmn train`.
  ///
  /// - Parameter paths: Logs, or directories of runs, at least one.
  /// - Throws: `FileError`, or ``LossCurvesError`` for a file that is no log.
  public init(of paths: [String]) throws {
    let files = paths.map { path in
      FileIdentity(path)?.isDirectory == true ? RunDirectory(path).log : path
    }
    runs = try zip(Self.names(of: files), files).map { name, file in
      try Run(name: name, log: file)
    }
  }

  /// The losses as a line chart.
  public var chart: LineChart {
    let series = runs.flatMap { run in
      [("training", run.training), ("validation", run.validation)]
        .filter { !$0.1.isEmpty }
        .map { kind, points in
          LineChart.Series(runs.count == 1 ? kind : "\(run.name), \(kind)", points)
        }
    }
    return LineChart(
      runs.count == 1 ? "Losses of \(runs[0].name)" : "Losses of \(runs.count) runs",
      x: Axis("step"), y: Axis("loss", unit: "nats"), series: series)
  }

  /// Names of logs: the directories' names where they differ, and else the paths.
  private static func names(of files: [String]) -> [String] {
    let names = files.map { file in
      let parts = file.split(separator: "/")
      let isRun = parts.last == "log.jsonl" && parts.count > 1
      return String(parts.dropLast(isRun ? 1 : 0).last ?? file[...])
    }
    return Set(names).count == names.count ? names : files
  }
}

extension LossCurves.Run {
  fileprivate init(name: String, log path: String) throws {
    let text = String(decoding: try AtomicFile.contents(of: path), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var records: [TrainingRecord] = []
    for (index, line) in lines.enumerated() where !line.isEmpty {
      do {
        records.append(try JSONDecoder().decode(TrainingRecord.self, from: Data(line.utf8)))
      } catch {
        throw LossCurvesError.noRecord(file: path, line: index + 1)
      }
    }
    func points(_ loss: (TrainingRecord) -> Double?) -> [LineChart.Point] {
      records.compactMap { record in loss(record).map { .init(Double(record.step), $0) } }
    }
    self.name = name
    training = points(\.loss)
    validation = points(\.validationLoss)
    if training.isEmpty && validation.isEmpty { throw LossCurvesError.noLosses(file: path) }
  }
}

/// A file that is no log of a training run.
public enum LossCurvesError: Error, Equatable, CustomStringConvertible {
  /// A line is no JSON object of a log.
  case noRecord(file: String, line: Int)
  /// The log has no losses.
  case noLosses(file: String)

  /// A sentence with file and line.
  public var description: String {
    switch self {
    case .noRecord(let file, let line):
      "\(file), line \(line): not a line of a training log (log.jsonl)"
    case .noLosses(let file): "\(file) has no losses yet"
    }
  }
}
