import Foundation
import LMN

/// Progress of a run: a bar on a terminal, plain lines otherwise.
struct ProgressBar {
  private let steps: Int
  private let tokensPerStep: Int
  private let firstStep: Int
  /// Lower bound of the loss, where known.
  private let floor: Double?
  private let start = ContinuousClock.now
  private var shown = ContinuousClock.now - .seconds(1)
  private var loss: Double?

  init(steps: Int, from firstStep: Int, tokensPerStep: Int, floor: Double?) {
    self.steps = steps
    self.firstStep = firstStep
    self.tokensPerStep = tokensPerStep
    self.floor = floor
  }

  /// Updates the bar after a step, on a terminal and at most ten times a second.
  mutating func advance(to step: Int, loss newLoss: Double) {
    // A moving average over about twenty steps.
    if newLoss.isFinite { loss = loss.map { 0.95 * $0 + 0.05 * newLoss } ?? newLoss }
    let now = ContinuousClock.now
    guard Console.isTerminal, now - shown > .milliseconds(100) || step == steps else { return }
    shown = now
    let elapsed = (now - start) / .seconds(1)
    let pace = elapsed / Double(max(step - firstStep, 1))
    let words = [
      "\(ProgressLine.bar(step, of: steps)) \(step)/\(steps)",
      "loss \(loss?.fixed(3) ?? "–")\(floorNote)",
      "\(Int(Double(tokensPerStep) / pace / 1000))k tokens/s",
      "\(ProgressLine.clock(pace * Double(steps - step))) left",
    ]
    ProgressLine.show(words)
  }

  /// Writes a line of the log as text.
  func note(_ record: TrainingRecord) {
    guard !Console.isTerminal || record.validationLoss != nil else { return }
    var words = ["step \(record.step)/\(steps)"]
    if let loss = record.loss { words.append("loss \(loss.fixed(4))\(floorNote)") }
    if let loss = record.validationLoss { words.append("validation \(loss.fixed(4))") }
    if let norm = record.gradientNorm { words.append("gradient \(norm.fixed(3))") }
    if let rate = record.tokensPerSecond { words.append("\(Int(rate / 1000))k tokens/s") }
    clear()
    Console.note(words.joined(separator: "  "))
  }

  /// Clears the bar, so that a line can be written.
  func clear() { ProgressLine.clear() }

  private var floorNote: String { floor.map { " (floor \($0.fixed(3)))" } ?? "" }
}
