import ArgumentParser
import Foundation
import LMN

@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time kernels and models on every instruction set, on one thread and on two.")

  @Option(help: "Runs of each benchmark, of which the median is shown.")
  var iterations = 200
  @Option(help: "Only benchmarks whose name contains this.")
  var filter = ""
  @Option(help: "Only this instruction set.")
  var instructionSet: String?
  @Option(help: "Also write the rows as JSON to this file.")
  var json: String?

  func run() throws {
    var measurement = Measurement(iterations: iterations, filter: filter)
    for instructionSet in InstructionSet.available
    where self.instructionSet.map({ $0 == instructionSet.name }) ?? (instructionSet != .reference) {
      for threads in [1, 2] {
        let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
        measureKernels(&measurement, in: context)
        try measureModels(&measurement, in: context)
      }
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try AtomicFile.write(Array(encoder.encode(measurement.rows)), to: json)
    }
  }
}
