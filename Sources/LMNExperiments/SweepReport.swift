internal import LMNModel

/// Results of a sweep.
public struct SweepReport<Task: AnswerTask>: Sendable, Encodable, CustomStringConvertible {
  /// The task.
  public let task: Task
  /// Settings of the runs.
  public let settings: SweepSettings
  /// Number of parameters of the network.
  public let parameters: Int
  /// Bytes of a stream's state after the longest test.
  public let stateBytes: Int
  /// The runs, in the order of their learning rates.
  public let runs: [SweepRun]
  /// Learning rate of the best run.
  public let best: Float
  /// Test scores of the best run.
  public let scores: [Score]

  enum CodingKeys: String, CodingKey {
    case task, settings, parameters, runs, scores
    case stateBytes = "state_bytes"
    case best = "best_learning_rate"
  }

  /// The report as text tables.
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
