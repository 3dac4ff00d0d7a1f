import CPeak
import Foundation
import LMN

/// What a run measures, printed line by line as it comes.
struct Measurement {
  let iterations: Int
  let filter: String
  /// FLOP/s of one thread, measured in this run.
  let peak: Double
  private(set) var rows: [Row] = []

  struct Row: Encodable {
    let name: String
    let instructionSet: String
    let threads: Int
    /// Seconds.
    let median, minimum: Double
    let gigaflops, gigabytes, fractionOfPeak: Double
  }

  init(iterations: Int, filter: String) {
    self.iterations = iterations
    self.filter = filter
    peak = Self.measuredPeak(repetitions: iterations > 1 ? 50 : 1)
    print(String(format: "peak: %.1f GFLOP/s per thread", peak / 1e9))
    print(
      Self.column("benchmark", 52) + Self.column("kernels", 10)
        + "threads     median    minimum   GFLOP/s    GB/s   of peak")
  }

  /// Times `body`, which does so many floating-point operations and moves at least so many bytes.
  mutating func measure(
    _ name: String, operations: Double, bytes: Double = 0, context: ExecutionContext,
    _ body: () -> Void
  ) {
    guard filter.isEmpty || name.contains(filter) else { return }
    let clock = ContinuousClock()
    var seconds: [Double] = []
    ExecutionContext.$current.withValue(context) {
      let began = clock.now
      repeat {
        seconds.append(clock.measure(body) / .seconds(1))
        // Enough for a median, not more than a few seconds for the slow ones.
      } while seconds.count < iterations && (seconds.count < 5 || clock.now - began < .seconds(4))
    }
    seconds.sort()
    let median = seconds[seconds.count / 2]
    let row = Row(
      name: name, instructionSet: context.instructionSet.name, threads: context.threadCount,
      median: median, minimum: seconds[0], gigaflops: operations / median / 1e9,
      gigabytes: bytes / median / 1e9,
      fractionOfPeak: operations / median / peak / Double(context.threadCount))
    rows.append(row)
    print(
      Self.column(name, 52) + Self.column(row.instructionSet, 10)
        + String(
          format: "%7d %10@ %10@ %9.1f %7.1f %8.0f%%", row.threads, Self.time(row.median),
          Self.time(row.minimum), row.gigaflops, row.gigabytes, row.fractionOfPeak * 100))
  }

  private static func measuredPeak(repetitions: Int) -> Double {
    var result: Float = 0
    return (0..<repetitions).map { _ in
      var operations = 0.0
      let seconds = ContinuousClock().measure {
        operations = cpeak_multiply_add(200_000, &result)
      }
      return operations / (seconds / .seconds(1))
    }.max()!
  }

  private static func column(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 1e-3
      ? String(format: "%.2f µs", seconds * 1e6) : String(format: "%.3f ms", seconds * 1e3)
  }
}
