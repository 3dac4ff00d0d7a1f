import CLMN
import LMNKernels
import LMNTestSupport

/// Kinds of choices of one token per stream.
enum ChoiceKind: String, CaseIterable {
  /// One memory per stream, and a row per stream.
  case own
  /// Some of several memories, in any rows.
  case routed
  /// The same, and the last memory for every token.
  case shared
  /// The last memory of several, in any row.
  case last

  func drawn(streams: Int, using values: inout SeededValues) -> DrawnChoices {
    let routed = self == .routed || self == .shared ? 2 : 0
    let count = routed + (self == .routed ? 0 : 1)
    return DrawnChoices(
      streams: streams, memories: self == .own ? 1 : 4, count: count, routed: routed,
      // The shared memory is none of the routed ones.
      chosen: (0..<streams).flatMap { _ in
        (0..<(self == .routed ? 4 : 3) as Range<Int32>).shuffled(using: &values).prefix(routed)
      },
      places: self == .own ? nil : (0..<Int32(streams * count)).shuffled(using: &values))
  }
}

/// Choices of one token per stream.
struct DrawnChoices {
  let streams, memories, count, routed: Int
  let chosen: [Int32]
  let places: [Int32]?

  var rows: Int { streams * count }

  /// Memories that receive the token of a stream.
  func received(by stream: Int) -> [Int] {
    chosen[stream * routed..<(stream + 1) * routed].map(Int.init)
      + (count > routed ? [memories - 1] : [])
  }

  func arguments(in arrays: GuardedArguments) -> lmn_stream_choices {
    lmn_stream_choices(
      streams: streams, memories: memories, choices: count, routed: routed,
      chosen: routed > 0 ? arrays.input(chosen) : nil, places: places.map(arrays.input))
  }
}

extension Grouping {
  /// Memories that receive a token, each with its row, by the definition of a stable grouping.
  func received(by token: Int) -> [(memory: Int, row: Int)] {
    let (routed, memories) = (choices.routed, choices.memories)
    let chosen = choices.chosen.elements.map(Int.init)
    var all = chosen.indices.map { (memory: chosen[$0], token: $0 / routed) }
    if isShared { all += (0..<choices.tokens).map { (memories, $0) } }
    all.sort { ($0.memory, $0.token) < ($1.memory, $1.token) }
    return all.enumerated().compactMap { row, choice in
      choice.token == token ? (choice.memory, row) : nil
    }
  }
}
