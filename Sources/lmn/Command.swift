import ArgumentParser
import LMN

@main
struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "lmn", abstract: "Logarithmic Memory Networks.")
  @Argument var files: [String]
  mutating func run() throws {
    for f in files { for i in try Verification(goldenFile: f).items { print(f.suffix(30), i.name, i.absoluteError, i.relativeError) } }
  }
}
