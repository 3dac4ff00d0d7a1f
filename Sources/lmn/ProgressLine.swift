import Foundation
import LMN

/// Line on a terminal that shows progress, and that each update replaces.
enum ProgressLine {
  /// Replaces the line.
  static func show(_ words: [String]) {
    Console.show("\r\u{1B}[K" + words.joined(separator: "  "))
  }

  /// Clears the line, so that another can be written.
  static func clear() {
    if Console.isTerminal { Console.show("\r\u{1B}[K") }
  }

  /// A bar of which the part `done / total` is filled.
  static func bar(_ done: Int, of total: Int) -> String {
    let width = 24
    let filled = min(done, total) * width / max(total, 1)
    return String(repeating: "━", count: filled) + String(repeating: "╌", count: width - filled)
  }

  /// A time as minutes and seconds, with hours if there are any.
  static func clock(_ seconds: Double) -> String {
    let seconds = Int(seconds.rounded(.up))
    let minutes = seconds / 60 % 60
    let rest = String(format: "%02d:%02d", minutes, seconds % 60)
    return seconds < 3600 ? rest : "\(seconds / 3600):\(rest)"
  }
}

/// Progress of the reading of data, shown on a terminal only.
struct ReadingProgress {
  private let total: Int?
  private let unit: String
  private let start = ContinuousClock.now
  private var shown = ContinuousClock.now

  private init(of total: Int?, _ unit: String) { (self.total, self.unit) = (total, unit) }

  /// Runs `body` with a report of the units done, and clears the line after it.
  ///
  /// - Parameters:
  ///   - total: Number of units; nil if it is unknown.
  ///   - unit: Name of the units.
  ///   - body: The reading.
  /// - Returns: The result of `body`.
  static func shown<Result>(
    of total: Int?, _ unit: String, _ body: (_ report: ProgressReport) throws -> Result
  ) rethrows -> Result {
    var progress = ReadingProgress(of: total, unit)
    defer { ProgressLine.clear() }
    return try body { progress.advance(to: $0) }
  }

  /// Shows that `done` units are done, at most ten times a second.
  private mutating func advance(to done: Int) {
    let now = ContinuousClock.now
    guard Console.isTerminal, now - shown > .milliseconds(100) || done == total else { return }
    shown = now
    guard let total else { return ProgressLine.show(["\(done) \(unit)"]) }
    let pace = (now - start) / .seconds(1) / Double(max(done, 1))
    ProgressLine.show([
      "\(ProgressLine.bar(done, of: total)) \(done)/\(total) \(unit)",
      "\(ProgressLine.clock(pace * Double(max(total - done, 0)))) left",
    ])
  }
}
