import ArgumentParser
import CProcess
import Foundation
import LMN

struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lmn",
    abstract: "Train and run Logarithmic Memory Networks on CPUs.",
    discussion: """
      Results go to standard output, everything else to standard error.

      Exit codes: 0 success; 1 an error above the tolerance of `lmn verify`; 2 unusable input, \
      failed write or diverged training; 64 wrong usage; 130, 143 and 129 training, generation \
      or a recipe stopped by SIGINT, SIGTERM or SIGHUP, with its state saved.

      The environment variable LMN_ISA selects the instruction set of the kernels: \
      \(InstructionSet.available.map(\.name).joined(separator: ", ")).
      """,
    version: lmnVersion,
    subcommands: [
      Train.self, Generate.self, Predict.self, Evaluate.self, Convert.self, Verify.self,
      Plot.self, Experiment.self, Benchmark.self, Info.self,
    ])
}

/// Flags of all commands that compute.
struct MachineOptions: ParsableArguments {
  @Option(help: "Number of threads. (default: one per available processor, if they can be started)")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), it has to be from 1 to 1024.")
    }
  }

  /// Runs `body` with these threads.
  func run<Result>(_ body: () throws -> Result) throws -> Result {
    guard InstructionSet.selected != nil else {
      throw UnusableInput(
        "LMN_ISA is '\(ProcessInfo.processInfo.environment["LMN_ISA"] ?? "")', this processor has "
          + InstructionSet.available.map(\.name).joined(separator: ", "))
    }
    if let threads, case let limit = ThreadLimit(of: threads), limit.count < threads {
      throw UnusableInput(
        "--threads is \(threads), but this process can have \(limit.count): \(limit.lack ?? "")")
    }
    let context = ExecutionContext(threadCount: threads)
    return try ExecutionContext.$current.withValue(context, operation: body)
  }
}

/// Unusable input for which no library type has an error.
struct UnusableInput: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

@main
enum Main {
  static func main() {
    // Turns writes beyond the file size limit into errors, like those of a full disk.
    signal(SIGXFSZ, SIG_IGN)
    do {
      guard process_grow_stack(stackByteCount) else {
        throw UnusableInput("there is not enough memory to start: the stack cannot grow")
      }
      var command = try Command.parseAsRoot(arguments)
      try command.run()
    } catch {
      let code = Command.exitCode(for: error)
      // Help and completion scripts are thrown as errors too.
      if error is ExitCode || code == .success { Command.exit(withError: error) }
      let isUsage = code == .validationFailure
      Console.reportError(isUsage ? Command.message(for: error) : "\(error)")
      Foundation.exit(isUsage ? code.rawValue : 2)
    }
  }

  /// Bytes of the stack: kernels have frames of up to 1.5 MB.
  private static let stackByteCount = 4 << 20

  /// The arguments, with `--tokens -1` as `--tokens=-1`, so that a negative number is parsed as a
  /// value.
  private static var arguments: [String] {
    RawArguments.texts.dropFirst().reduce(into: []) { arguments, argument in
      let isNegative = argument.hasPrefix("-") && Double(argument) != nil
      if isNegative, let flag = arguments.last, flag.hasPrefix("--"), flag != "--" {
        arguments[arguments.count - 1] = "\(flag)=\(argument)"
      } else {
        arguments.append(argument)
      }
    }
  }
}
