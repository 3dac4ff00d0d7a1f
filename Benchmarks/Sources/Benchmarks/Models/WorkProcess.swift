import Foundation
import LMN

/// A model benchmark.
protocol ProcessBenchmark {
  var id: String { get }
  /// Number of steps of one run of the workload.
  var stepsPerRun: Int { get }
  /// Prepares the benchmark to be timed in the current context.
  func workload() throws -> Workload
}

/// Runs a model benchmark in a process of its own, by this program, so that peak memory is that of
/// one benchmark.
enum WorkProcess {
  /// Result of a model benchmark.
  struct Measurement: Codable {
    /// Seconds per step.
    let median, minimum: Double
    let peakMemoryMiB: Double
    /// Peak memory of the process before the benchmark was prepared.
    let memoryBeforeMiB: Double
  }

  /// Runs a model benchmark in this process and prints the result as JSON.
  static func printMeasurement(_ id: String, iterations: Int, in context: ExecutionContext) throws {
    let works: [any ProcessBenchmark] = Work.all + Horizons.cells
    let work = works.first { $0.id == id }!
    let before = peakMemoryBytes()
    let measurement = try ExecutionContext.$current.withValue(context) {
      let workload = try work.workload()
      let timing = Timing(iterations: iterations, within: 6, of: workload.run)
      return Measurement(
        median: timing.median / Double(work.stepsPerRun),
        minimum: timing.minimum / Double(work.stepsPerRun),
        peakMemoryMiB: Double(peakMemoryBytes()) / 0x1p20,
        memoryBeforeMiB: Double(before) / 0x1p20)
    }
    print(String(decoding: try JSONEncoder().encode(measurement), as: UTF8.self))
  }

  /// Runs a model benchmark in a new process and returns its result.
  static func measure(
    _ work: any ProcessBenchmark, iterations: Int, in context: ExecutionContext
  ) throws -> Measurement {
    let (process, output) = (Process(), Pipe())
    process.executableURL = Bundle.main.executableURL
    process.arguments = [
      "--measure-work", work.id, "--iterations", "\(iterations)",
      "--instruction-set", context.instructionSet.name, "--threads", "\(context.threadCount)",
    ]
    process.standardOutput = output
    try process.run()
    let result = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(work: work.id) }
    return try JSONDecoder().decode(Measurement.self, from: result)
  }

  private struct Failure: Error, CustomStringConvertible {
    let work: String
    var description: String { "the process that measures \(work) failed" }
  }
}

extension Results {
  /// Times a model benchmark in a process of its own.
  func measure(_ work: Work, in context: ExecutionContext) throws {
    guard wants(work.title) || wants(work.id) else { return }
    let measurement = try WorkProcess.measure(work, iterations: iterations, in: context)
    add(
      work.title, work: work.id, try .step(of: work), in: context, median: measurement.median,
      minimum: measurement.minimum,
      tokensPerSecond: Double(work.tokensPerStep) / measurement.median,
      peakMemoryMiB: measurement.peakMemoryMiB)
  }
}
