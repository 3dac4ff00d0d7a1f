/// What a model is for.
public enum TaskKind: String, Sendable, Codable, CaseIterable {
  /// To continue a text.
  case text
  /// To class texts.
  case classify
  /// To forecast a series.
  case forecast
}
