import ArgumentParser
import LMN

/// Flags that several kinds of memory have.
struct MemoryOptions: ParsableArguments {
  @Option(help: "Heads; of attention to tokens or slots, a divisor of the width. (default: 4)")
  var heads: Int?
  @Option(
    help: """
      Window: preceding tokens that a token attends to directly. (default: 0; attention: all)
      """)
  var window: Int?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    [
      MemorySetting(
        "--heads", heads, .init(\LogarithmicMemory.Settings.heads),
        .init(\CausalAttention.Settings.heads), .init(\LinearMemory.Settings.heads),
        .init(\MixtureOfMemories.Settings.linear.heads), .init(\SlotMemory.Settings.heads)),
      MemorySetting(
        "--window", window, .init(\LogarithmicMemory.Settings.window),
        .init(\CausalAttention.Settings.window)),
    ].compactMap(\.self)
  }
}
