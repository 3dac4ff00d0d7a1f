import ArgumentParser
import Foundation
import LMN

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare this program's results with golden files.",
    discussion: """
      A golden file holds a small network with inputs, and the outputs, loss and gradients of another \
      implementation. The network is run in parallel form, in sequential form and in uneven chunks. \
      Errors are the largest difference in a tensor, absolute and relative to the tensor's largest \
      magnitude.

      Exit codes: 0 all errors within the tolerance; 1 an error above it; 2 an unusable file.
      """)

  @Argument(help: "Golden files.", completion: .file(extensions: ["safetensors"]))
  var files: [String]
  @Option(help: "Largest accepted relative error.")
  var tolerance = 1e-4
  @Flag(help: "Print the report as JSON.")
  var json = false
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    if !(tolerance > 0 && tolerance.isFinite) {
      throw ValidationError("--tolerance is \(tolerance), it has to be above 0.")
    }
  }

  private struct Report: Encodable {
    let file: String
    let accepted: Bool
    let items: [Verification.Item]
  }

  func run() throws {
    try machine.run {
      var reports: [Report] = []
      var unusable = false
      for file in files {
        do {
          let items = try Verification(goldenFile: file).items
          let accepted = items.allSatisfy { $0.relativeError <= tolerance }
          reports.append(Report(file: file, accepted: accepted, items: items))
          if !json { try show(reports.last!) }
        } catch let error as any CustomStringConvertible & Error {
          Console.reportError(error.description)
          unusable = true
        }
      }
      if json { try Console.write(Console.json(reports)) }
      if unusable { throw ExitCode(2) }
      if !reports.allSatisfy(\.accepted) { throw ExitCode(1) }
    }
  }

  private func show(_ report: Report) throws {
    try Console.write(
      "\(report.file): \(report.accepted ? "accepted" : "REFUSED")\n   absolute   relative\n")
    for item in report.items {
      let mark = item.relativeError <= tolerance ? " " : "!"
      try Console.write(
        String(format: "%@ %9.2e  %9.2e  ", mark, item.absoluteError, item.relativeError)
          + item.name + "\n")
    }
  }
}
