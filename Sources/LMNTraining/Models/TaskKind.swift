/// A task that models are trained for.
public enum TaskKind: String, Sendable, Codable, CaseIterable {
  /// Continuing a text.
  case text
  /// Classifying texts.
  case classify
  /// Forecasting a series.
  case forecast
}

extension TaskKind {
  /// The task of the run in a directory.
  public init(ofRunIn directory: RunDirectory) throws {
    self = try ModelFile(
      Safetensors(contentsOf: directory.training), path: directory.training
    ).task
  }
}
