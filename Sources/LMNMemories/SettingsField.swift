/// Coding of one key of some settings in JSON.
public struct SettingsField<Settings> {
  /// The key.
  public let key: String
  private let read: (inout Settings, KeyedDecodingContainer<SettingsKey>) throws -> Void
  private let write: (Settings, inout KeyedEncodingContainer<SettingsKey>) throws -> Void

  /// A required key.
  public static func required<Value: Codable>(
    _ key: String, _ property: WritableKeyPath<Settings, Value>
  ) -> SettingsField {
    SettingsField(
      key: key,
      read: { $0[keyPath: property] = try $1.decode(Value.self, forKey: SettingsKey(key)) },
      write: { try $1.encode($0[keyPath: property], forKey: SettingsKey(key)) })
  }

  /// A key that is written only if its value is not the default.
  public static func optional<Value: Codable & Equatable>(
    _ key: String, _ property: WritableKeyPath<Settings, Value>,
    default usual: Value
  ) -> SettingsField {
    let field = required(key, property)
    return SettingsField(
      key: key,
      read: { if $1.contains(SettingsKey(key)) { try field.read(&$0, $1) } },
      write: { if $0[keyPath: property] != usual { try field.write($0, &$1) } })
  }

  fileprivate func read(
    into settings: inout Settings, _ container: KeyedDecodingContainer<SettingsKey>
  ) throws { try read(&settings, container) }

  fileprivate func write(
    _ settings: Settings, _ container: inout KeyedEncodingContainer<SettingsKey>
  ) throws { try write(settings, &container) }
}

extension SettingsField where Settings: MemorySettings {
  /// A key that is written only if its value is not that of `Settings()`.
  public static func optional<Value: Codable & Equatable>(
    _ key: String, _ property: WritableKeyPath<Settings, Value>
  ) -> SettingsField {
    optional(key, property, default: Settings()[keyPath: property])
  }
}

extension Array {
  /// Reads each field that is present.
  package func read<Settings>(into settings: inout Settings, from decoder: any Decoder) throws
  where Element == SettingsField<Settings> {
    let container = try decoder.container(keyedBy: SettingsKey.self)
    for field in self { try field.read(into: &settings, container) }
  }

  /// Writes each field that is not at its default.
  package func write<Settings>(_ settings: Settings, to encoder: any Encoder) throws
  where Element == SettingsField<Settings> {
    var container = encoder.container(keyedBy: SettingsKey.self)
    for field in self { try field.write(settings, &container) }
  }
}

/// A key of a JSON object.
public struct SettingsKey: CodingKey {
  /// Name of the key.
  public let stringValue: String
  /// Always nil.
  public var intValue: Int? { nil }

  /// The key called `name`.
  public init(_ name: String) { stringValue = name }
  /// The key called `stringValue`.
  public init?(stringValue: String) { self.init(stringValue) }
  /// Always nil: keys are names.
  public init?(intValue: Int) { nil }
}

extension [any CodingKey] {
  /// The keys joined by dots; an index for an element of a list.
  package var path: String {
    map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }
}

extension KeyedDecodingContainer {
  /// Dotted path of a key of this container.
  package func path(of key: String) -> String {
    (codingPath + [SettingsKey(key)]).path
  }
}
