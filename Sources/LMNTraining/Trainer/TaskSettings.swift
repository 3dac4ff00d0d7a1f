public import LMNModel

/// Task of a training run, with its settings.
public enum TaskSettings: Sendable, Equatable {
  /// Continuation of a text.
  case text
  /// Classification of texts.
  case classify(ClassificationSettings)
  /// Forecast of a series.
  case forecast(ForecastSettings)

  /// The task.
  public var kind: TaskKind {
    switch self {
    case .text: .text
    case .classify: .classify
    case .forecast: .forecast
    }
  }

  /// Settings of a classification; the defaults for other tasks.
  public var classification: ClassificationSettings {
    get { if case .classify(let settings) = self { settings } else { .init() } }
    set { self = .classify(newValue) }
  }

  /// Settings of a forecast; the defaults for other tasks.
  public var forecast: ForecastSettings {
    get { if case .forecast(let settings) = self { settings } else { .init() } }
    set { self = .forecast(newValue) }
  }
}

/// Settings of a classification.
public struct ClassificationSettings: Sendable, Codable, Equatable {
  /// Column of the texts.
  public var textColumn = "text"
  /// Column of the labels.
  public var labelColumn = "label"
  /// Pooling of a text's vectors.
  public var pooling = Pooling.mean
  /// Scores of n-grams beside the memory; nil for none, as in earlier versions.
  public var nGrams: NGrams.Settings?
  /// Weights of the classes in the training loss; nil for equal ones.
  public var classWeights: ClassWeights?

  /// The defaults.
  public init() {}
}

extension TaskSettings: Codable {
  private enum CodingKeys: String, CodingKey { case task, settings }

  /// Decodes a task and its settings.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(TaskKind.self, forKey: .task) {
    case .text: self = .text
    case .classify: self = .classify(try container.decode(forKey: .settings))
    case .forecast: self = .forecast(try container.decode(forKey: .settings))
    }
  }

  /// Encodes a task and its settings.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kind, forKey: .task)
    switch self {
    case .text: break
    case .classify(let settings): try container.encode(settings, forKey: .settings)
    case .forecast(let settings): try container.encode(settings, forKey: .settings)
    }
  }
}

extension KeyedDecodingContainer {
  fileprivate func decode<Value: Decodable>(forKey key: Key) throws -> Value {
    try decode(Value.self, forKey: key)
  }
}

/// The task text is not encoded: configurations of earlier versions, without other tasks, have no
/// key for it.
extension KeyedDecodingContainer {
  func decode(_ type: TaskSettings.Type, forKey key: Key) throws -> TaskSettings {
    try decodeIfPresent(type, forKey: key) ?? .text
  }
}

extension KeyedEncodingContainer {
  mutating func encode(_ value: TaskSettings, forKey key: Key) throws {
    try encodeIfPresent(value == .text ? nil : value, forKey: key)
  }
}
