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
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    func value(_ key: String) -> String? {
      lines.lazy.map { $0.split(separator: ":", maxSplits: 1).map { $0.trimming(" \t") } }
        .first { $0.count == 2 && $0[0] == key }?[1]
    }
    guard let name = value("model name") else { return nil }
    // Virtual machines may hide the generation in the name.
    guard let family = value("cpu family"), let model = value("model") else { return name }
    return "\(name) (family \(family), model \(model))"
  }

  /// A line with processor, instruction set and threads.
  var description: String {
    "\(processor), \(instructionSet), \(threads) thread\(threads == 1 ? "" : "s")"
  }
}

extension Substring {
  /// The text without characters of a set at its ends.
  fileprivate func trimming(_ characters: String) -> String {
    let start = drop { characters.contains($0) }
    return String(start.reversed().drop { characters.contains($0) }.reversed())
  }
}
