import Foundation
import LMN

/// Results of a run, each printed as soon as it is measured.
final class Results {
  let iterations: Int
  /// FLOP/s of one thread, by the name of the instruction set, measured in this run.
  private let peaks: [String: Double]
  private let filter: String
  private(set) var rows: [Row] = []

  struct Row: Encodable {
    let name: String
    /// ID of a model benchmark, shared with its PyTorch peers.
    let work: String?
    let instructionSet: String
    let threads: Int
    /// Seconds.
    let median, minimum: Double
    let gigaflops, gigabytes, fractionOfPeak: Double
    /// Median time of OpenBLAS over that of LMN, in a row of OpenBLAS.
    let ratio: Double?
    let tokensPerSecond, peakMemoryMiB: Double?
  }

  init(iterations: Int, filter: String, instructionSets: [InstructionSet]) {
    self.iterations = iterations
    self.filter = filter
    var peaks: [String: Double] = [:]
    for set in instructionSets {
      let peak = measuredPeak(of: set, repetitions: iterations > 1 ? 50 : 1)
      print(String(format: "peak, %@: %.1f GFLOP/s per thread", set.name, peak / 1e9))
      peaks[set.name] = peak
    }
    self.peaks = peaks
    print("OpenBLAS: \(blasDescription)")
    print(
      Self.column("benchmark", 64)
        + "kernels  threads      median     minimum  GFLOP/s   GB/s of peak   tokens/s     MiB")
  }

  func wants(_ name: String) -> Bool { filter.isEmpty || name.contains(filter) }

  /// Adds and prints a result; one with a ratio is of OpenBLAS.
  func add(
    _ name: String, work: String? = nil, _ cost: Cost, in context: ExecutionContext,
    median: Double, minimum: Double, ratio: Double? = nil, tokensPerSecond: Double? = nil,
    peakMemoryMiB: Double? = nil
  ) {
    let peak = peaks[context.instructionSet.name]!
    let row = Row(
      name: name, work: work, instructionSet: context.instructionSet.name,
      threads: context.threadCount, median: median, minimum: minimum,
      gigaflops: cost.operations / median / 1e9, gigabytes: cost.bytes / median / 1e9,
      fractionOfPeak: cost.operations / median / peak / Double(context.threadCount),
      ratio: ratio, tokensPerSecond: tokensPerSecond, peakMemoryMiB: peakMemoryMiB)
    rows.append(row)
    let model = tokensPerSecond.map { String(format: "%11.0f %7.1f", $0, peakMemoryMiB ?? 0) }
    let times = ratio.map { String(format: "  %.2f times LMN's", $0) }
    print(
      Self.column(name, 64) + Self.column(ratio == nil ? row.instructionSet : "OpenBLAS", 9)
        + String(format: "%7d %@ %@", row.threads, Self.time(median), Self.time(minimum))
        + String(
          format: "%9.1f %6.1f %5.0f %%", row.gigaflops, row.gigabytes, row.fractionOfPeak * 100)
        + (model ?? times ?? ""))
    // Files and pipes are buffered, and the next result may take a while.
    fflush(nil)
  }

  private static func column(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 1e-3
      ? String(format: "%8.2f µs", seconds * 1e6) : String(format: "%8.2f ms", seconds * 1e3)
  }
}
