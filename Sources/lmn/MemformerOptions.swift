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

  /// Throws if a flag of its own is given for another model.
  func expectFlags(ofMemformer isMemformer: Bool) throws {
    let flags = [("--encoder-layers", encoderLayers), ("--decoder-layers", decoderLayers)]
    for (flag, value) in flags where value != nil && !isMemformer {
      throw ValidationError("\(flag) has no meaning without --model memformer.")
    }
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
      let json = String(decoding: try AtomicFile.contents(of: path), as: UTF8.self)
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
