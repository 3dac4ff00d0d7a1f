import CProcess
import Foundation
import LMN

/// Arguments of the process; `CommandLine.arguments` replaces what is not UTF-8, and is empty
/// without /proc.
enum RawArguments {
  /// The arguments as ``FileName`` texts, the name of the program included.
  static let texts: [String] = {
    let known = (0..<process_argument_count()).map { process_argument($0)! }
    // Elsewhere than with glibc, the standard library does not need /proc.
    let arguments =
      known.isEmpty
      ? (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0].map { .init($0) } }
      : known
    return arguments.map { argument in
      FileName.text(of: UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
    }
  }()
}
