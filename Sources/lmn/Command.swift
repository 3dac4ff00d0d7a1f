import ArgumentParser
import Foundation
import LMN

struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lmn",
    abstract: "Train Logarithmic Memory Networks and use them, on plain processors.",
    discussion: """
      Results go to standard output, everything else to standard error.

      Exit codes: 0 success; 1 a verification exceeded its tolerance; 2 something that was read or \
      written is unusable, or training diverged; 64 wrong usage; 130 and 143 training was stopped \
      by SIGINT or SIGTERM and has been saved.

      The environment variable LMN_ISA chooses the kernels: \
      \(InstructionSet.available.map(\.name).joined(separator: ", ")).
      """,
    version: lmnVersion,
    subcommands: [
      Train.self, Generate.self, Predict.self, Evaluate.self, Convert.self, Verify.self,
      Experiment.self, Benchmark.self, Info.self,
    ])
}

/// What every command that computes has in common.
struct MachineOptions: ParsableArguments {
  @Option(help: "Threads to use, at most as many as processors make sense. (default: all)")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), it has to be from 1 to 1024.")
    }
  }

  /// Runs `body` on these threads.
  func run<Result>(_ body: () throws -> Result) throws -> Result {
    guard InstructionSet.selected != nil else {
      throw UnusableInput(
        "LMN_ISA is '\(ProcessInfo.processInfo.environment["LMN_ISA"] ?? "")', this processor has "
          + InstructionSet.available.map(\.name).joined(separator: ", "))
    }
    let context = ExecutionContext(threadCount: threads)
    return try ExecutionContext.$current.withValue(context, operation: body)
  }
}

/// Input that no library type has an error for.
struct UnusableInput: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

@main
enum Main {
  static func main() {
    // A file beyond the size limit becomes an error, as one on a full disk is.
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try Command.parseAsRoot(arguments)
      try command.run()
    } catch {
      let code = Command.exitCode(for: error)
      // Help and completion scripts come as errors too.
      if error is ExitCode || code == .success { Command.exit(withError: error) }
      let isUsage = code == .validationFailure
      Console.complain(isUsage ? Command.message(for: error) : "\(error)")
      Foundation.exit(isUsage ? code.rawValue : 2)
    }
  }

  /// The arguments, with `--tokens -1` as `--tokens=-1`: a negative number is a value, no flag.
  private static var arguments: [String] {
    CommandLine.arguments.dropFirst().reduce(into: []) { arguments, argument in
      let isNegative = argument.hasPrefix("-") && Double(argument) != nil
      if isNegative, let flag = arguments.last, flag.hasPrefix("--"), flag != "--" {
        arguments[arguments.count - 1] = "\(flag)=\(argument)"
      } else {
        arguments.append(argument)
      }
    }
  }
}
