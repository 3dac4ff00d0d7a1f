internal import LMNModel

/// What a sweep has found.
public struct SweepReport<Task: RecallTask>: Sendable, Encodable, CustomStringConvertible {
  /// What was learned.
  public let task: Task
  /// How.
  public let settings: SweepSettings
  /// Numbers in the network's parameters.
  public let parameters: Int
  /// Bytes of a stream's state behind the longest test.
  public let stateBytes: Int
  /// How the runs went, in the order of their learning rates.
  public let runs: [SweepRun]
  /// The learning rate of the best of them.
  public let best: Float
  /// What that one knows.
  public let scores: [Score]

  enum CodingKeys: String, CodingKey {
    case task, settings, parameters, runs, scores
    case stateBytes = "state_bytes"
    case best = "best_learning_rate"
  }

  /// The report as tables, for people.
  public var description: String {
    var lines = [
      "\(parameters) parameters, \(stateBytes) bytes of state; "
        + settings.model.json, "",
      "learning rate    loss   right",
    ]
    for run in runs {
      let loss = run.loss.map { "\(Float(($0 * 1000).rounded() / 1000))" } ?? "diverged"
      lines.append(
        "\(run.learningRate)".right(13) + loss.right(8)
          + (run.accuracy?.percent ?? "").right(8)
          + (run.learningRate == best ? "  best" : ""))
    }
    return lines.joined(separator: "\n") + "\n\n" + task.table(of: scores) + "\n"
  }
}
