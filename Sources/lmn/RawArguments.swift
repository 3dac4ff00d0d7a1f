import ArgumentParser
import CArguments
import Foundation

/// Arguments of the process as bytes; `CommandLine.arguments` replaces what is not UTF-8, and is
/// empty without /proc.
enum RawArguments {
  private static let all: [[UInt8]] = {
    let known = (0..<process_argument_count()).map { process_argument($0)! }
    // Elsewhere than with glibc, the standard library does not need /proc.
    let arguments =
      known.isEmpty
      ? (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0].map { .init($0) } }
      : known
    return arguments.map { argument in
      Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
    }
  }()

  /// The arguments, the name of the program included.
  static var texts: [String] { all.map { String(decoding: $0, as: UTF8.self) } }

  /// The bytes of an argument, or of a flag's value after an equals sign.
  ///
  /// - Parameter argument: The argument as `texts` has it.
  /// - Returns: Its bytes; those of the last argument where several read alike.
  static func bytes(of argument: String) -> [UInt8] {
    let values = all.lazy.map { bytes in
      bytes.starts(with: PromptText.assignment)
        ? Array(bytes[PromptText.assignment.count...]) : bytes
    }
    return values.last { String(decoding: $0, as: UTF8.self) == argument } ?? Array(argument.utf8)
  }

  /// Throws if an argument other than a prompt is not UTF-8, because it would name another file.
  static func expectText() throws {
    for (index, argument) in all.enumerated()
    where index > 0 && String(validating: argument, as: UTF8.self) == nil {
      let isPrompt =
        argument.starts(with: PromptText.assignment) || all[index - 1] == PromptText.flag
      if isPrompt { continue }
      let text = argument.map { byte in
        (0x20..<0x7F).contains(byte)
          ? String(Unicode.Scalar(byte)) : "\\x" + String(format: "%02x", byte)
      }
      throw UnusableInput(
        "the argument '\(text.joined())' is not UTF-8; names of files and values of flags have to be, "
          + "except --prompt")
    }
  }
}

/// Text of a prompt, as the bytes of the argument.
struct PromptText: ExpressibleByArgument {
  fileprivate static let flag = Array("--prompt".utf8)
  fileprivate static let assignment = flag + [UInt8(ascii: "=")]

  let bytes: [UInt8]

  init(argument: String) { bytes = RawArguments.bytes(of: argument) }
}
