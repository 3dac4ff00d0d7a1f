/// Training with carried state on consecutive parts of a text, instead of random windows.
///
/// A step reads the next T blocks of each row of the batch, from the row's state after the previous
/// step. Gradients go through the T − 1 boundaries inside a step and stop at its beginning
/// (truncated back-propagation through time, R. J. Williams and J. Peng, Neural Computation 2,
/// 1990; a state carried without gradients is the recurrence of arXiv 1901.02860, section 3.2).
///
/// The loss is the mean over the targets of all blocks; balance losses of routers are those of
/// single blocks, averaged.
public struct Carry: Sendable, Equatable {
  /// T: blocks per step, through which gradients go; 1 stops gradients at every block boundary.
  public var horizon: Int
  /// Whether blocks are computed one by one, by memory replay (``CarriedState``).
  ///
  /// That takes the memory of one block; otherwise all blocks of a step are computed at once. The
  /// gradients are the same, to rounding.
  public var replay: Bool

  /// Carried state, with gradients through `horizon` blocks.
  public init(horizon: Int = 1, replay: Bool = false) {
    self.horizon = horizon
    self.replay = replay
  }
}

extension Carry: Codable {
  private enum CodingKeys: String, CodingKey {
    case horizon, replay
    /// Name of the horizon in files of version 0.1.
    case flow
  }

  /// Decodes a horizon and, if there is one, whether blocks are replayed.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let key: CodingKeys = container.contains(.flow) ? .flow : .horizon
    horizon = try container.decode(Int.self, forKey: key)
    replay = try container.decodeIfPresent(Bool.self, forKey: .replay) ?? false
  }

  /// Encodes both values.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(horizon, forKey: .horizon)
    try container.encode(replay, forKey: .replay)
  }
}
