import Foundation
import LMN

/// A process that does one work, so that peak memory is that work's alone: this program again.
enum WorkProcess {
  /// What it found.
  struct Answer: Codable {
    /// Seconds of a step.
    let median, minimum: Double
    let peakMemoryMiB: Double
  }

  /// Does a work and prints the answer.
  static func answer(_ id: String, iterations: Int, in context: ExecutionContext) throws {
    let work = Work.all.first { $0.id == id }!
    let answer = try ExecutionContext.$current.withValue(context) {
      let workload = try work.workload()
      let timing = Timing(iterations: iterations, within: 6, of: workload.run)
      return Answer(
        median: timing.median / Double(work.stepsPerRun),
        minimum: timing.minimum / Double(work.stepsPerRun),
        peakMemoryMiB: Double(peakMemoryBytes()) / 0x1p20)
    }
    print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
  }

  /// Has such a process do a work.
  static func ask(_ work: Work, iterations: Int, in context: ExecutionContext) throws -> Answer {
    let (process, output) = (Process(), Pipe())
    process.executableURL = Bundle.main.executableURL
    process.arguments = [
      "--measure-work", work.id, "--iterations", "\(iterations)",
      "--instruction-set", context.instructionSet.name, "--threads", "\(context.threadCount)",
    ]
    process.standardOutput = output
    try process.run()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(work: work.id) }
    return try JSONDecoder().decode(Answer.self, from: answer)
  }

  private struct Failure: Error, CustomStringConvertible {
    let work: String
    var description: String { "the process that measures \(work) failed" }
  }
}

extension Results {
  /// Times a work in a process of its own.
  func measure(_ work: Work, in context: ExecutionContext) throws {
    guard wants(work.title) || wants(work.id) else { return }
    let answer = try WorkProcess.ask(work, iterations: iterations, in: context)
    add(
      work.title, work: work.id, try .step(of: work), in: context, median: answer.median,
      minimum: answer.minimum, tokensPerSecond: Double(work.tokensPerStep) / answer.median,
      peakMemoryMiB: answer.peakMemoryMiB)
  }
}
