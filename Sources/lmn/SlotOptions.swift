import ArgumentParser
import LMN

/// Flags of slot memories.
struct SlotOptions: ParsableArguments {
  @Option(help: "Slots of a block. (default: 16)")
  var slots: Int?
  @Option(
    help: "Tokens of a segment, after which slots are rewritten; up to 1024. (default: 64)")
  var segment: Int?
  @Option(help: "Temperature of writing to slots, above 0 and at most 1. (default: 0.25)")
  var temperature: Float?
  @Flag(
    inversion: .prefixedNo,
    help: "Slots that are rewritten move towards their initial values. (default: yes)")
  var forgetting: Bool?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    typealias Memory = SlotMemory.Settings
    return [
      MemorySetting("--slots", slots, .init(\Memory.slots)),
      MemorySetting("--segment", segment, .init(\Memory.segment)),
      MemorySetting("--temperature", temperature, .init(\Memory.temperature)),
      MemorySetting("--forgetting", forgetting, .init(\Memory.forgetting)),
    ].compactMap(\.self)
  }
}
