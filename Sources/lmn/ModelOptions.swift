public import ArgumentParser
public import LMN

/// Flags of a network's configuration, except its vocabulary.
///
/// All are optional: other values come from `--config`, then from the configuration that the flags
/// are applied to.
struct ModelOptions: ParsableArguments {
  @Option(
    help: "JSON file with a configuration or some of its keys; other flags override it.",
    completion: .file(extensions: ["json"]))
  var config: String?
  @Option(help: "Width: features of a token. (default: 32)")
  var width: Int?
  @Option(help: "Number of blocks. (default: 4)")
  var layers: Int?
  @Option(
    help: ArgumentHelp(
      "Memory of the blocks; several kinds, separated by commas, are repeated over the blocks. "
        + "(default: logarithmic)", valueName: "kind,…"))
  var memory: MemoryKinds?
  @Option(help: "Heads of the memories. (default: 4)")
  var heads: Int?
  @Option(help: "Inner width of the feed-forward layer, in units of the width. (default: 4)")
  var feedForward: Int?
  @Option(help: "Activation of the feed-forward layer. (default: silu)")
  var activation: Activation?
  @Option(help: "Position encoding. (default: none)")
  var positions: Positions.Kind?
  @Option(help: "Number of learned positions; only with --positions learned.")
  var maximumLength: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "Weight of the head tied to the embedding table. (default: no)")
  var tiedHead: Bool?
  @Option(help: "Dropout rate in training. (default: 0)")
  var dropout: Float?
  @OptionGroup(title: "Logarithmic memory") var logarithmic: LogarithmicOptions
  @OptionGroup(title: "Linear-attention memories") var linear: LinearOptions
  @OptionGroup(title: "Mixture of memories") var mixture: MixtureOptions

  /// Kinds of memory, separated by commas.
  struct MemoryKinds: ExpressibleByArgument {
    let kinds: [String]

    init?(argument: String) {
      kinds = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      if kinds.contains(where: { MemoryConfiguration(kind: $0) == nil }) { return nil }
    }

    static var allValueStrings: [String] { MemoryConfiguration.known.map { $0.kind } }
  }

  /// A configuration with the given flags.
  ///
  /// - Throws: Errors of the configuration file and of flags that do not belong to the memories.
  func configuration(from base: Configuration) throws -> Configuration {
    var configuration = base
    for setting in try settings() { setting.apply(&configuration) }
    try expectFlags(of: configuration)
    return configuration
  }

  /// Settings of the given flags, fixed for a run, in the order in which they apply.
  func settings() throws -> [Setting<Configuration>] {
    try [
      config.map { path in
        let json = String(decoding: try AtomicFile.contents(of: path), as: UTF8.self)
        return try Setting("--config", merging: json, from: path)
      },
      Setting("--width", width, \.width),
      Setting("--layers", layers, \.layers),
      Setting("--memory", memory?.kinds, \.memoryKinds) { $0.joined(separator: ",") },
      Setting("--heads", heads, \.trunk.heads),
      Setting("--feed-forward", feedForward, \.feedForward),
      Setting("--activation", activation, \.activation),
      Setting("--positions", positions, \.positions),
      Setting("--maximum-length", maximumLength.map(Optional.some), \.maximumLength) {
        $0.map(String.init) ?? "none"
      },
      Setting("--tied-head", tiedHead, \.tiedHead),
      Setting("--dropout", dropout, \.dropout),
    ].compactMap(\.self) + headWidths + memorySettings.flatMap(\.settings)
  }

  /// Settings of memories, by the types of memory that have them.
  private var memorySettings:
    [(types: [any MemorySettings.Type], settings: [Setting<Configuration>])]
  {
    [
      ([LogarithmicMemory.Settings.self], logarithmic.settings),
      ([LinearMemory.Settings.self, MixtureOfMemories.Settings.self], linear.settings),
      ([MixtureOfMemories.Settings.self], mixture.settings),
    ]
  }

  /// Widths of the heads of linear-attention memories that `--memory` adds: the width of the model
  /// divided by the heads, as the settings before have set them.
  ///
  /// Flags for them come later.
  private var headWidths: [Setting<Configuration>] {
    guard let memory, config == nil else { return [] }
    let isLinear = memory.kinds.contains {
      MemoryConfiguration(kind: $0)?.settings is any LinearSettings
    }
    guard isLinear else { return [] }
    typealias Settings = LinearMemory.Settings
    func width(
      _ flag: String, _ field: WritableKeyPath<Settings, Int>
    ) -> Setting<Configuration> {
      Setting(
        flag,
        apply: { $0.trunk[linear: field] = max(1, $0.width / max(1, $0.trunk.heads)) },
        read: { "\($0.trunk[linear: field])" })
    }
    return [
      linear.keyWidth == nil ? width("--key-width", \.keyWidth) : nil,
      linear.valueWidth == nil ? width("--value-width", \.valueWidth) : nil,
    ].compactMap(\.self)
  }

  /// Throws if a given flag belongs to a kind of memory that the configuration does not have.
  func expectFlags(of configuration: Configuration) throws {
    for (types, settings) in memorySettings {
      let kinds = types.map { $0.kind }
      if let flag = settings.first?.flag, Set(kinds).isDisjoint(with: configuration.memoryKinds) {
        throw ValidationError(
          "\(flag) has no meaning without a memory of the kind \(kinds.joined(separator: " or ")).")
      }
    }
    if let heads, !configuration.memories.contains(where: { $0.settings is any HeadedSettings }) {
      throw ValidationError("--heads \(heads) has no meaning without a memory that has heads.")
    }
    if let memory, memory.kinds.count > configuration.layers {
      throw ValidationError(
        "--memory names \(memory.kinds.count) memories for \(configuration.layers) layers.")
    }
  }
}

extension Setting where Settings == Configuration {
  /// Setting of a configuration file.
  init(_ flag: String, merging json: String, from path: String) throws {
    // Validated here, so that errors name the file.
    do { _ = try Configuration(vocabularySize: 1).merging(json: json) } catch {
      throw UnusableInput("\(path): \(error)")
    }
    self.init(
      flag, apply: { if let merged = try? $0.merging(json: json) { $0 = merged } },
      read: \.json)
  }
}

extension Activation: ExpressibleByArgument {}
extension Positions.Kind: ExpressibleByArgument {}
