public import LMNKernels
public import LMNModel

/// What a model learns to do, and what only this task has to settle.
public enum TaskSettings: Sendable, Equatable {
  /// To continue a text.
  case text
  /// To class texts.
  case classify(ClassificationSettings)
  /// To forecast a series.
  case forecast(ForecastSettings)

  /// Which task it is.
  public var kind: TaskKind {
    switch self {
    case .text: .text
    case .classify: .classify
    case .forecast: .forecast
    }
  }

  /// The settings of a classification; the defaults while the task is another.
  public var classification: ClassificationSettings {
    get { if case .classify(let settings) = self { settings } else { .init() } }
    set { self = .classify(newValue) }
  }

  /// The settings of a forecast; the defaults while the task is another.
  public var forecast: ForecastSettings {
    get { if case .forecast(let settings) = self { settings } else { .init() } }
    set { self = .forecast(newValue) }
  }
}

/// What a classification has to settle.
public struct ClassificationSettings: Sendable, Codable, Equatable {
  /// The column with the texts.
  public var textColumn = "text"
  /// The column with the names of their classes.
  public var labelColumn = "label"
  /// How the vectors of a text become one.
  public var pooling = Pooling.mean

  /// The defaults.
  public init() {}
}

/// What a forecast has to settle.
public struct ForecastSettings: Sendable, Codable, Equatable {
  /// The columns that are forecast; nil for all.
  public var channels: [String]?
  /// h: how many values of every channel are forecast.
  public var horizon = 1
  /// What is made small, on average.
  public var objective = PredictionError.squared

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

/// A configuration that is for texts does not say so, as none did when there was no other task.
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
