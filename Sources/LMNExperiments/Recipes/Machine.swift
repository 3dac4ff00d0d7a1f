internal import FoundationEssentials
internal import LMNKernels
internal import LMNTraining

/// Machine of a measurement.
public struct Machine: Sendable, Equatable, Codable {
  /// Name of the processor.
  public let processor: String
  /// Instruction set of the kernels.
  public let instructionSet: String
  /// Number of threads.
  public let threads: Int

  enum CodingKeys: String, CodingKey {
    case processor, threads
    case instructionSet = "instruction_set"
  }

  /// This machine, in the current context.
  static var current: Machine {
    let context = ExecutionContext.current
    return Machine(
      processor: processorName ?? "unknown processor",
      instructionSet: context.instructionSet.name, threads: context.threadCount)
  }

  private static var processorName: String? {
    guard let bytes = try? AtomicFile.contents(of: "/proc/cpuinfo") else { return nil }
    let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
      $0.hasPrefix("model name")
    }
    return line?.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == " " }) }
  }

  /// A line with processor, instruction set and threads.
  var description: String {
    "\(processor), \(instructionSet), \(threads) thread\(threads == 1 ? "" : "s")"
  }
}
