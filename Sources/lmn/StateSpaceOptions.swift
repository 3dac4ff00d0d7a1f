import ArgumentParser
import LMN

/// Flags of state space memories.
struct StateSpaceOptions: ParsableArguments {
  @Option(help: "State width: real state values per channel, an even number. (default: 64)")
  var stateWidth: Int?

  /// Settings of the given flags; fixed for a run.
  var settings: [MemorySetting] {
    [
      MemorySetting("--state-width", stateWidth, .init(\DiagonalStateSpace.Settings.stateWidth))
    ].compactMap(\.self)
  }
}
