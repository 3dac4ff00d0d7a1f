import ArgumentParser
import Foundation
import LMN

@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time kernels and models on every instruction set, and OpenBLAS beside products.")

  @Option(help: "Largest number of runs of each benchmark; the median is shown. 1 is quick.")
  var iterations = 200
  @Option(help: "Only benchmarks whose name or ID contains this; with --horizons, models.")
  var filter = ""
  @Option(help: "Only this instruction set.")
  var instructionSet: String?
  @Option(
    help: "Numbers of threads, separated by commas.",
    transform: { list in
      try list.split(separator: ",", omittingEmptySubsequences: false).map { count in
        guard let count = Int(count), count > 0 else {
          throw ValidationError("\(count) is not a number of threads.")
        }
        return count
      }
    })
  var threads = [1, 2]
  @Option(help: "Also write the results as JSON to this file.")
  var json: String?
  @Flag(
    help:
      "Only the table of horizons: back-propagation through segments, with the first --threads.")
  var horizons = false
  @Option(help: .private)
  var measureWork: String?

  func validate() throws {
    if iterations < 1 { throw ValidationError("--iterations has to be 1 or more.") }
    if instructionSets.isEmpty {
      throw ValidationError("This processor has no instruction set \(instructionSet!).")
    }
  }

  /// All available sets except the reference, or the selected one.
  private var instructionSets: [InstructionSet] {
    InstructionSet.available.filter { candidate in
      instructionSet.map { $0 == candidate.name } ?? (candidate != .reference)
    }
  }

  func run() throws {
    if let measureWork {
      return try WorkProcess.printMeasurement(measureWork, iterations: iterations, in: context)
    }
    if horizons {
      return try Horizons.printTable(iterations: iterations, filter: filter, in: context)
    }
    let results = Results(iterations: iterations, filter: filter, instructionSets: instructionSets)
    for instructionSet in instructionSets {
      for threads in threads {
        let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
        measureKernels(KernelBenchmark(results: results, context: context))
        for work in Work.all where work.threads.contains(threads) {
          try results.measure(work, in: context)
        }
      }
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try AtomicFile.write(Array(encoder.encode(results.rows)), to: json)
    }
  }

  private var context: ExecutionContext {
    ExecutionContext(instructionSet: instructionSets[0], threadCount: threads[0])
  }
}
