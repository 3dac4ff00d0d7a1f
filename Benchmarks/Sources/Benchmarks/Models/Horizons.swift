import Foundation
import LMN

/// Table of horizons: memory, time and gradients of a training step through T segments, by each way
/// of back-propagation.
enum Horizons {
  /// Numbers of segments.
  private static let segments = (0...6).map { 1 << $0 }
  private static let models: [(name: String, model: HorizonCell.Model)] = [
    ("logarithmic", .network(LogarithmicMemory.Settings())),
    ("mixture", .network(MixtureOfMemories.Settings(headWidth: 8))),
    ("slots", .network(SlotMemory.Settings())),
    ("memformer", .memformer),
  ]
  /// All cells, row by row.
  static let cells = rows.flatMap { $0 }
  private static let rows = models.flatMap { name, model in
    segments.map { segments in
      HorizonCell.Way.allCases.map {
        HorizonCell(name: name, model: model, segments: segments, way: $0)
      }
    }
  }

  /// Rounds of measurement: the ways take turns, since the processor's speed may change within a row.
  private static let rounds = 3

  /// Measures the cells of models whose names contain `filter`, each in processes of its own, and
  /// prints a row per model and horizon, with the shortest time of a step.
  static func printTable(
    iterations: Int, filter: String, in context: ExecutionContext
  ) throws {
    print(
      "4 layers of width 32, \(HorizonCell.batch) rows, segments of \(HorizonCell.length) tokens; "
        + "MiB above those before")
    let ways = HorizonCell.Way.allCases
    let columns = ways.map { "\($0.rawValue), MiB, ms" }.joined(separator: " | ")
    print("| model | T | \(columns) | differences of gradients |")
    print("|---|---|" + ways.map { _ in "---|" }.joined() + "---|")
    for row in rows where filter.isEmpty || row[0].name.contains(filter) {
      let found = try (0..<min(rounds, iterations)).map { _ in
        try row.map {
          try WorkProcess.measure($0, iterations: max(iterations / rounds, 1), in: context)
        }
      }
      let texts = row.indices.map { way in
        let memory = found.map { $0[way].peakMemoryMiB - $0[way].memoryBeforeMiB }
        return String(
          format: "%.1f, %.1f", memory.min()!, found.map { $0[way].minimum }.min()! * 1e3)
      }
      let differences = try ExecutionContext.$current.withValue(context) {
        let expected = try row[0].gradients()
        return try row.dropFirst().map { cell in
          String(format: "%.0e", difference(try cell.gradients(), expected))
        }
      }
      print(
        "| \(row[0].name) | \(row[0].segments) | \(texts.joined(separator: " | ")) | "
          + "\(differences.joined(separator: ", ")) |")
      fflush(nil)
    }
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
