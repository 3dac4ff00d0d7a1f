import ArgumentParser
import LMN

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure training and inference speed of the published network.",
    discussion: """
      The network has 71,489 parameters, as with --preset table1 of `lmn train`. Takes less than a \
      minute. Times are medians; other load on the machine distorts them.
      """)

  @Option(help: "Most runs per workload; slow workloads get fewer.")
  var iterations = 200
  @Flag(help: "Print the report as JSON.")
  var json = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if iterations < 1 {
      throw ValidationError("--iterations is \(iterations), it has to be 1 or more.")
    }
  }

  func run() throws {
    try machine.run {
      let report = SpeedReport(iterations: iterations)
      if json { return try Console.write(Console.json(report)) }
      let memory = (Double(report.trainingMemory) / 0x1p20).fixed(1)
      try Console.write(
        """
        instruction set    \(report.instructionSet)
        threads            \(report.threads)
        parameters         \(report.parameters)
        training step      \(line(report.training))
        training memory    \(memory.padded(to: -9)) MiB
        evaluation step    \(line(report.evaluation))
        token, one stream  \(line(report.oneStream))
        token, 64 streams  \(line(report.streams64))

        """)
    }
  }

  private func line(_ speed: SpeedReport.Speed) -> String {
    let isShort = speed.seconds < 1e-3
    let time = (speed.seconds * (isShort ? 1e6 : 1e3)).fixed(2)
    return
      "\(time.padded(to: -9)) \(isShort ? "µs" : "ms")\(speed.tokensPerSecond.fixed(0).padded(to: -9)) tokens/s"
  }
}
