/// Task that models are trained for.
public enum TaskKind: String, Sendable, Codable, CaseIterable {
  /// Continuation of a text.
  case text
  /// Classification of texts.
  case classify
  /// Forecast of a series.
  case forecast
}

extension TaskKind {
  /// The task of the run in a directory.
  public init(ofRunIn directory: RunDirectory) throws {
    self = try SavedRun(in: directory).task
  }
}
