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
  @Option(help: "Width: features of a token. (default: 32; forecast: 16 below 1,000 rows)")
  var width: Int?
  @Option(help: "Number of blocks. (default: 4; forecast: 2)")
  var layers: Int?
  @Option(
    help: ArgumentHelp(
      "Blocks with parameters of their own, which the others share in turn. (default: all)",
      valueName: "count"))
  var distinctLayers: Int?
  @Option(
    help: ArgumentHelp(
      "Memory of the blocks; several kinds, separated by commas, are repeated over the blocks. "
        + "(default: logarithmic)", valueName: "kind,…"))
  var memory: MemoryKinds?
  @Option(help: "Inner width of the feed-forward layer, in units of the width. (default: 4)")
  var feedForward: Int?
  @Option(help: "Activation of the feed-forward layer. (default: silu; gpt2-table1: relu)")
  var activation: Activation?
  @Option(help: "Norm before memory and feed-forward layer. (default: rms; gpt2-table1: layer)")
  var norm: Norm.Kind?
  @Option(help: "Position encoding. (default: none; gpt2-table1: learned)")
  var positions: Positions.Kind?
  @Option(help: "Number of learned positions; only with --positions learned.")
  var maximumLength: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "Weight of the head tied to the embedding table. (default: no)")
  var tiedHead: Bool?
  @Option(help: "Dropout rate in training. (default: 0; forecast: 0.1, 0.2 below 1,000 rows)")
  var dropout: Float?
  @OptionGroup(title: "Memories") var memories: MemoryOptions
  @OptionGroup(title: "Logarithmic memory") var logarithmic: LogarithmicOptions
  @OptionGroup(title: "Linear-attention memories") var linear: LinearOptions
  @OptionGroup(title: "Mixture of memories") var mixture: MixtureOptions
  @OptionGroup(title: "Attention") var attention: AttentionOptions
  @OptionGroup(title: "State space memory") var stateSpace: StateSpaceOptions
  @OptionGroup(title: "Slot memory") var slots: SlotOptions

  /// Kinds of memory, separated by commas.
  struct MemoryKinds: ExpressibleByArgument {
    let kinds: [String]

    init?(argument: String) {
      kinds = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      if kinds.contains(where: { MemoryConfiguration(kind: $0) == nil }) { return nil }
    }

    static var allValueStrings: [String] { MemoryConfiguration.known.map { $0.kind } }
  }

  /// Settings of the given flags, fixed for a run, in the order in which they apply.
  func settings() throws -> [Setting<Configuration>] {
    let file = try config.map { path in
      let json = try AtomicFile.string(of: path)
      return try Setting<Configuration>("--config", merging: json, from: path)
    }
    return [file].compactMap(\.self) + flagSettings
  }

  /// Settings of the given flags, without the configuration file.
  var flagSettings: [Setting<Configuration>] {
    trunkSettings + memories.settings.map(\.setting) + headWidths + kindSettings.map(\.setting)
  }

  /// The flags that are given.
  var givenFlags: [String] {
    trunkSettings.map(\.flag) + (memories.settings + kindSettings).map(\.flag)
  }

  /// Settings of the given flags that do not belong to memories.
  private var trunkSettings: [Setting<Configuration>] {
    [
      Setting("--width", width, \.width),
      Setting("--layers", layers, \.layers),
      Setting("--distinct-layers", distinctLayers.map(Optional.some), \.distinctLayers) {
        $0.map(String.init) ?? "all"
      },
      Setting("--memory", memory?.kinds, \.memoryKinds) { $0.joined(separator: ",") },
      Setting("--feed-forward", feedForward, \.feedForward),
      Setting("--activation", activation, \.activation),
      Setting("--norm", norm, \.norm),
      Setting("--positions", positions, \.positions),
      Setting("--maximum-length", maximumLength.map(Optional.some), \.maximumLength) {
        $0.map(String.init) ?? "none"
      },
      Setting("--tied-head", tiedHead, \.tiedHead),
      Setting("--dropout", dropout, \.dropout),
    ].compactMap(\.self)
  }

  /// The configuration with the given flags.
  ///
  /// - Parameter base: The configuration that they are applied to.
  /// - Returns: The configuration.
  /// - Throws: Errors of the configuration file and of flags without meaning.
  func configuration(from base: Configuration) throws -> Configuration {
    var configuration = base
    for setting in try settings() { setting.apply(&configuration) }
    try expectFlags(of: configuration)
    do { try configuration.validate() } catch {
      if let file = try faultyFile(error, in: base) { throw file }
      throw usageError(error, isGiven: givenFlags.contains)
    }
    return configuration
  }

  /// The error of the configuration file, if it is the cause of an error.
  ///
  /// - Parameters:
  ///   - error: An error of a configuration with the file and all flags.
  ///   - base: The configuration that both are applied to.
  /// - Returns: The error, which names the file; nil if it has another cause.
  /// - Throws: Errors of the file.
  func faultyFile(_ error: ConfigurationError, in base: Configuration) throws -> UnusableInput? {
    guard let config else { return nil }
    // The file is the first setting.
    var alone = base
    try settings()[0].apply(&alone)
    do { try alone.validate() } catch let fault where fault == error {
      return UnusableInput("\(config): \(error)")
    } catch {}
    return nil
  }

  /// Settings of the given flags that one kind of memory has, or few.
  private var kindSettings: [MemorySetting] {
    logarithmic.settings + linear.settings + mixture.settings + attention.settings
      + stateSpace.settings + slots.settings
  }

  /// Widths of the heads of linear-attention memories that `--memory` adds: the width of the model
  /// divided by the heads.
  ///
  /// They follow the flags for those, and precede those for the widths.
  private var headWidths: [Setting<Configuration>] {
    let kinds = [LinearMemory.Settings.kind, MixtureOfMemories.Settings.kind]
    guard let memory, config == nil, memory.kinds.contains(where: kinds.contains) else { return [] }
    return [("--key-width", \.keyWidth), ("--value-width", \.valueWidth)].map {
      (flag: String, field: WritableKeyPath<LinearMemory.Settings, Int>) in
      let mixed = field.ofMixture
      return Setting(
        flag,
        apply: {
          let (width, trunk) = ($0.width, $0.trunk)
          $0.trunk[each: field] = max(1, width / max(1, trunk[each: \LinearMemory.Settings.heads]))
          $0.trunk[each: mixed] =
            max(1, width / max(1, trunk[each: \MixtureOfMemories.Settings.linear.heads]))
        },
        read: {
          "\($0.memoryKinds.contains(kinds[0]) ? $0.trunk[each: field] : $0.trunk[each: mixed])"
        })
    }
  }

  /// Throws if a given flag belongs to kinds of memory that the configuration does not have.
  func expectFlags(of configuration: Configuration) throws {
    let (present, settings) = (configuration.memoryKinds, memories.settings + kindSettings)
    if let setting = settings.first(where: { !$0.kinds.contains(where: present.contains) }) {
      throw ValidationError(
        "\(setting.flag) has no meaning without a memory of the kind "
          + "\(setting.kinds.joined(separator: " or ")).")
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
    givesLevels = try LevelsInJSON.areGiven(in: json)
  }
}

extension Activation: ExpressibleByArgument {}
extension Norm.Kind: ExpressibleByArgument {}
extension Positions.Kind: ExpressibleByArgument {}
