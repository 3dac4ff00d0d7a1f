public import LMNLayers

/// Sizes and kinds of one memory, coded as a JSON object of a configuration.
public protocol MemorySettings: Sendable, Equatable, Codable {
  /// Value of the key `kind` in JSON and of `--memory` on the command line.
  static var kind: String { get }
  /// Coding of the other keys.
  static var fields: [SettingsField<Self>] { get }
  /// The defaults.
  init()
  /// Throws unless a memory of the given width can have these settings.
  func validate(width: Int) throws(ConfigurationError)
  /// A memory with these settings.
  ///
  /// - Parameters:
  ///   - width: E.
  ///   - source: Source of the parameters.
  /// - Returns: The memory.
  /// - Precondition: The settings are valid for the width.
  func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory
}

extension MemorySettings {
  /// Accepts all settings.
  public func validate(width: Int) throws(ConfigurationError) {}

  /// Reads the fields; the caller refuses unknown keys.
  public init(from decoder: any Decoder) throws {
    self.init()
    try Self.fields.read(into: &self, from: decoder)
  }

  /// Writes the fields whose value is not the default.
  public func encode(to encoder: any Encoder) throws { try Self.fields.write(self, to: encoder) }
}

/// Settings of any kind of memory.
public struct MemoryConfiguration: Sendable, Codable {
  /// The settings.
  public var settings: any MemorySettings

  /// A configuration with these settings.
  public init(_ settings: any MemorySettings) { self.settings = settings }

  /// Kinds of memory that JSON may name.
  ///
  /// A program adds its own memories in a scope:
  /// `MemoryConfiguration.$known.withValue(MemoryConfiguration.known + [Mine.Settings.self])`.
  @TaskLocal public static var known: [any MemorySettings.Type] = [
    LogarithmicMemory.Settings.self, LinearMemory.Settings.self, MixtureOfMemories.Settings.self,
    CausalAttention.Settings.self, DiagonalStateSpace.Settings.self, SlotMemory.Settings.self,
  ]

  /// The kind of memory.
  public var kind: String { type(of: settings).kind }

  /// Default settings of a kind; nil when the kind is unknown.
  public init?(kind: String) {
    guard let type = Self.known.first(where: { $0.kind == kind }) else { return nil }
    settings = type.init()
  }

  /// Reads the settings of a known kind.
  ///
  /// - Throws: ``ConfigurationError`` for an unknown kind or key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: SettingsKey.self)
    let kind = try container.decode(String.self, forKey: SettingsKey("kind"))
    guard let type = Self.known.first(where: { $0.kind == kind }) else {
      throw ConfigurationError.unknownKind(
        key: container.path(of: "kind"), kind: kind, known: Self.known.map { $0.kind })
    }
    try type.expectOnlyFields(of: container, besides: ["kind"])
    settings = try type.init(from: decoder)
  }

  /// Writes kind and settings.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: SettingsKey.self)
    try container.encode(kind, forKey: SettingsKey("kind"))
    try settings.encode(to: encoder)
  }
}

extension MemoryConfiguration: Equatable {
  /// Whether kind and settings are equal.
  public static func == (left: Self, right: Self) -> Bool {
    func isEqual<Settings: MemorySettings>(_ settings: Settings) -> Bool {
      settings == right.settings as? Settings
    }
    return isEqual(left.settings)
  }
}

extension MemorySettings {
  /// Throws unless every key of a container is one of the fields or of `others`.
  package static func expectOnlyFields(
    of container: KeyedDecodingContainer<SettingsKey>, besides others: [String]
  ) throws {
    let known = Set(fields.map(\.key) + others)
    let unknown = container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
    if !unknown.isEmpty {
      throw ConfigurationError.unknownKeys(unknown.map { container.path(of: $0) })
    }
  }
}
