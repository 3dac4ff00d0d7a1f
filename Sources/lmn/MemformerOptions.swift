import ArgumentParser
import LMN

/// Flags of a Memformer.
struct MemformerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Model: a network of blocks, or a Memformer, an encoder-decoder that continues a text segment "
        + "by segment. (default: network, or the model of the resumed run)"))
  var model: Kind?
  @Option(help: "Blocks of the encoder. (default: 2)")
  var encoderLayers: Int?
  @Option(help: "Blocks of the decoder. (default: 2)")
  var decoderLayers: Int?

  enum Kind: String, ExpressibleByArgument, CaseIterable { case network, memformer }

  /// The given flags that networks of blocks do not have.
  var givenFlags: [String] {
    [("--encoder-layers", encoderLayers), ("--decoder-layers", decoderLayers)]
      .filter { $0.1 != nil }.map(\.0)
  }

  /// Throws if a flag of its own is given for another model.
  func expectFlags(ofMemformer isMemformer: Bool) throws {
    if let flag = givenFlags.first, !isMemformer {
      throw ValidationError("\(flag) has no meaning without --model memformer.")
    }
  }

  /// The error of the configuration file, if it is the cause of that of a configuration.
  ///
  /// - Parameters:
  ///   - configuration: The configuration with the file and all flags.
  ///   - shared: Flags of networks of blocks.
  /// - Returns: The error, which names the file; nil if there is none of it.
  /// - Throws: Errors of the file.
  func faultyFile(
    _ configuration: MemformerConfiguration, sharing shared: ModelOptions
  ) throws -> UnusableInput? {
    guard let path = shared.config else { return nil }
    // The file is the first setting.
    var alone = MemformerConfiguration(vocabularySize: configuration.vocabularySize)
    try settings(sharing: shared)[0].apply(&alone)
    let errors = [configuration, alone].map { configuration -> ConfigurationError? in
      do throws(ConfigurationError) { try configuration.validate() } catch { return error }
      return nil
    }
    guard let error = errors[0], error == errors[1] else { return nil }
    return UnusableInput("\(path): \(error)")
  }

  /// Settings of a Memformer's flags, of which it shares some with networks of blocks; fixed for a
  /// run.
  ///
  /// - Parameter shared: Flags of networks of blocks.
  /// - Returns: The settings.
  /// - Throws: Errors of the configuration file and of flags that a Memformer does not have.
  func settings(sharing shared: ModelOptions) throws -> [Setting<MemformerConfiguration>] {
    let slots = shared.slots
    let config = try shared.config.map { path in
      let json = try AtomicFile.string(of: path)
      // Validated here, so that errors name the file.
      do { _ = try MemformerConfiguration(vocabularySize: 1).merging(json: json) } catch {
        throw UnusableInput("\(path): \(error)")
      }
      return Setting<MemformerConfiguration>(
        "--config", apply: { if let merged = try? $0.merging(json: json) { $0 = merged } },
        read: \.json)
    }
    let own: [Setting<MemformerConfiguration>] = [
      config,
      Setting("--width", shared.width, \.width),
      Setting("--heads", shared.memories.heads, \.heads),
      Setting("--encoder-layers", encoderLayers, \.encoderLayers),
      Setting("--decoder-layers", decoderLayers, \.decoderLayers),
      Setting("--feed-forward", shared.feedForward, \.feedForward),
      Setting("--slots", slots.slots, \.slots),
      Setting("--segment", slots.segment, \.segment),
      Setting("--temperature", slots.temperature, \.temperature),
      Setting("--forgetting", slots.forgetting, \.forgetting),
    ].compactMap(\.self)
    let flags = own.map(\.flag)
    if let setting = shared.flagSettings.first(where: { !flags.contains($0.flag) }) {
      throw ValidationError("\(setting.flag) has no meaning for a Memformer.")
    }
    return own
  }
}
