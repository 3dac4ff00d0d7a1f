internal import LMNModel

/// Results of networks on recall across segments.
public struct SegmentRecallReport: Sendable, Equatable, Encodable, CustomStringConvertible {
  /// The task.
  public let task: SegmentRecall
  /// Settings of the runs.
  public let settings: SegmentRecallSettings
  /// Number of parameters of the network.
  public let parameters: Int
  /// Bytes of a stream's state after a training example.
  public let stateBytes: Int
  /// Accuracy of a uniform guess.
  public let chance: Double
  /// The runs: for each arm, those of all seeds in order.
  public let runs: [SegmentRecallRun]

  enum CodingKeys: String, CodingKey {
    case task, settings, parameters, chance, runs
    case stateBytes = "state_bytes"
  }

  /// The report as a text table.
  public var description: String {
    let segments = settings.allSegments
    var lines = [
      "\(parameters) parameters, \(stateBytes) bytes of state; " + settings.model.json, "",
      "arm".left(8) + "seed".right(6) + "steps".right(7)
        + segments.map { "T = \($0)".right(9) }.joined() + "seconds".right(9),
    ]
    for run in runs {
      let scores =
        run.loss == nil
        ? "diverged".right(9) : run.scores.map { $0.accuracy.percent.right(9) }.joined()
      lines.append(
        run.arm.rawValue.left(8) + "\(run.seed)".right(6) + "\(run.steps)".right(7)
          + scores.left(9 * segments.count) + "\(Int(run.seconds.rounded()))".right(9))
    }
    lines.append("chance".left(21) + segments.map { _ in chance.percent.right(9) }.joined())
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Result of one run.
public struct SegmentRecallRun: Sendable, Equatable, Encodable {
  /// Accuracy on examples of one number of segments.
  public struct Score: Sendable, Equatable, Encodable {
    /// T: segments of an example.
    public let segments: Int
    /// Fraction of right answers.
    public let accuracy: Double
  }

  /// Arm: the information that passes from a segment to the next.
  public let arm: SegmentRecallArm
  /// Random seed of parameters and examples.
  public let seed: UInt64
  /// Number of steps; fewer than the most when the goal was reached or the run diverged.
  public let steps: Int
  /// Mean training loss since the validation before the last, with the balance loss of the routers;
  /// nil when the run diverged.
  public let loss: Double?
  /// Accuracies, those of the trained number of segments first; none when the run diverged.
  public let scores: [Score]
  /// Duration in seconds.
  public let seconds: Double
}
