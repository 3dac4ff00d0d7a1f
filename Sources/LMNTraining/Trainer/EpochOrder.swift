import LMNLayers
import Synchronization

/// Order in which the rows of a table are trained on: all of them in every epoch, each time in
/// another order, which follows from a seed and the epoch.
final class EpochOrder: Sendable {
  private let count: Int
  private let seed: UInt64
  /// The last two epochs that were asked for, between which a batch may lie.
  private let known = Mutex<[(epoch: Int, rows: [Int])]>([])

  /// The order of `count` rows, at least one.
  init(of count: Int, seed: UInt64) { (self.count, self.seed) = (count, seed) }

  /// The row at a place counted over all epochs.
  subscript(place: Int) -> Int {
    let epoch = place / count
    return known.withLock { known in
      if let found = known.first(where: { $0.epoch == epoch }) { return found.rows[place % count] }
      var generator = SeededGenerator(seed: seed ^ UInt64(epoch + 1) << 32)
      known = known.suffix(1) + [(epoch, generator.permutation(of: count))]
      return known[known.count - 1].rows[place % count]
    }
  }
}

extension SeededGenerator {
  /// A random permutation of 0 ..< `count`, by the shuffle of Fisher and Yates.
  mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in order.indices.dropFirst().reversed() {
      order.swapAt(last, integer(below: last + 1))
    }
    return order
  }
}
