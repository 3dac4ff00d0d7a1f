internal import CLMN

/// Memories that receive one token of each of B streams.
public struct StreamChoices: Sendable {
  /// B.
  public let streams: Int
  /// G: memories of a stream.
  public let memories: Int
  private let grouping: Grouping?

  /// One memory per stream, which receives its token.
  public init(streams: Int) {
    (self.streams, memories, grouping) = (streams, 1, nil)
  }

  /// Memories by a grouping of the tokens of all streams.
  public init(_ grouping: Grouping) {
    streams = grouping.choices.tokens
    memories = grouping.segments.count
    self.grouping = grouping
  }

  /// Memories of all streams.
  var memoryCount: Int { streams * memories }

  /// Rows of all choices.
  var rows: Int { streams * (grouping?.choicesPerToken ?? 1) }

  var arguments: lmn_stream_choices {
    lmn_stream_choices(
      streams: streams, memories: memories, choices: grouping?.choicesPerToken ?? 1,
      routed: grouping?.choices.routed ?? 0, chosen: grouping?.choices.chosen.base,
      places: grouping?.places.base)
  }
}

extension StreamChoices: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] {
    grouping.map { $0.choices.chosen.kept(beside: arena) + $0.places.kept(beside: arena) } ?? []
  }
}
