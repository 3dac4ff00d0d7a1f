import Foundation
import LMN

/// Table of horizons: memory, time and gradients of a training step through T segments, by each way
/// of back-propagation.
enum Horizons {
  /// A way of back-propagation.
  enum Way: String, CaseIterable {
    /// All segments at once.
    case full
    /// One segment at a time, by memory replay.
    case replay
    /// All segments at once, with the intermediate values of each layer computed again.
    case recomputation

    func carry(over segments: Int) -> Carry {
      Carry(horizon: segments, replay: self == .replay)
    }
  }

  /// Numbers of segments.
  private static let segments = (0...6).map { 1 << $0 }
  /// Tokens of a segment.
  private static let length = 128
  private static let memories: [(name: String, settings: any MemorySettings)] = [
    ("logarithmic", LogarithmicMemory.Settings()),
    ("mixture", MixtureOfMemories.Settings(headWidth: 8)),
    ("slots", SlotMemory.Settings()),
  ]

  /// The works of all cells.
  static let works = memories.flatMap { memory, settings in
    segments.flatMap { segments in
      Way.allCases.map { work(memory, settings, segments, $0) }
    }
  }

  private static func work(
    _ memory: String, _ settings: any MemorySettings, _ segments: Int, _ way: Way
  ) -> Work {
    Work(
      "horizon-\(memory)-\(segments)-\(way)",
      "training step, \(memory), \(segments) segments of \(length), \(way)", .training,
      Work.small(settings), batch: 4, 0..<segments * length, carrying: way.carry(over: segments),
      recomputing: way == .recomputation)
  }

  /// Measures all cells, each in a process of its own, and prints a row per memory and horizon, with
  /// the shortest time of a step.
  static func printTable(iterations: Int, in context: ExecutionContext) throws {
    print("4 layers of width 32, 4 rows, segments of \(length) tokens; MiB above those before")
    let ways = Way.allCases.map { "\($0.rawValue), MiB, ms" }.joined(separator: " | ")
    print("| memory | T | \(ways) | differences of gradients |")
    print("|---|---|" + Way.allCases.map { _ in "---|" }.joined() + "---|")
    for (memory, settings) in memories {
      for segments in segments {
        let works = Way.allCases.map { work(memory, settings, segments, $0) }
        let cells = try works.map { work in
          let found = try WorkProcess.measure(work, iterations: iterations, in: context)
          return String(
            format: "%.1f, %.1f", found.peakMemoryMiB - found.memoryBeforeMiB, found.minimum * 1e3)
        }
        let differences = try ExecutionContext.$current.withValue(context) {
          let expected = try gradients(of: works[0])
          return try works.dropFirst().map { work in
            String(format: "%.0e", difference(try gradients(of: work), expected))
          }
        }
        print(
          "| \(memory) | \(segments) | \(cells.joined(separator: " | ")) | "
            + "\(differences.joined(separator: ", ")) |")
        fflush(nil)
      }
    }
  }

  /// Gradients of a training step.
  private static func gradients(of work: Work) throws -> [Tensor] {
    let batch = Workload.randomBatch(
      of: try work.network(), count: work.batch, length: length, carrying: work.carry,
      recomputing: work.recomputes)
    _ = batch.run()
    return batch.gradient.tensors
  }

  /// Largest difference of gradients, relative to the largest value of a parameter's gradient.
  private static func difference(_ found: [Tensor], _ expected: [Tensor]) -> Double {
    zip(found, expected).reduce(0) { worst, pair in
      let largest = pair.1.scalars.reduce(0) { max($0, abs($1)) }
      let difference = zip(pair.0.scalars, pair.1.scalars).reduce(0) { max($0, abs($1.0 - $1.1)) }
      return difference == 0 ? worst : max(worst, Double(difference / largest))
    }
  }
}
