internal import LMNModel

/// Results of networks on paired recall.
public struct PairedRecallReport: Sendable, Equatable, Encodable, CustomStringConvertible {
  /// The task.
  public let task: PairedRecall
  /// Settings of the runs.
  public let settings: PairedRecallSettings
  /// Number of parameters of the network.
  public let parameters: Int
  /// Bytes of a stream's state after an example.
  public let stateBytes: Int
  /// Accuracy of a uniform guess.
  public let chance: Double
  /// The runs, in the order of their seeds.
  public let runs: [PairedRecallRun]

  enum CodingKeys: String, CodingKey {
    case task, settings, parameters, chance, runs, accuracy
    case stateBytes = "state_bytes"
    case stateFloats = "state_floats"
  }

  /// Floats of a stream's state after an example.
  public var stateFloats: Int { stateBytes / MemoryLayout<Float>.size }

  /// Mean accuracy of the runs; nil when one diverged.
  public var accuracy: Double? {
    let accuracies = runs.compactMap(\.accuracy)
    return accuracies.count == runs.count
      ? accuracies.reduce(0, +) / Double(accuracies.count) : nil
  }

  /// Encodes all of the report.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(task, forKey: .task)
    try container.encode(settings, forKey: .settings)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(stateBytes, forKey: .stateBytes)
    try container.encode(stateFloats, forKey: .stateFloats)
    try container.encode(chance, forKey: .chance)
    try container.encode(runs, forKey: .runs)
    try container.encode(accuracy, forKey: .accuracy)
  }

  /// The report as a text table.
  public var description: String {
    func percent(_ accuracy: Double?) -> String { (accuracy?.percent ?? "diverged").right(9) }
    var lines = [
      "\(parameters) parameters, \(stateBytes) bytes of state; " + settings.model.json, "",
      "seed".right(6) + "right".right(9) + "seconds".right(9) + "  load of the memories; purity",
    ]
    for run in runs {
      let routers = run.routers.map { router in
        router.load.map(\.percent).joined(separator: " ") + "; " + router.purity.percent
      }
      lines.append(
        ("\(run.seed)".right(6) + percent(run.accuracy) + "\(Int(run.seconds.rounded()))".right(9)
          + "  " + routers.joined(separator: " | ")))
    }
    lines.append("mean".right(6) + percent(accuracy))
    lines.append("chance".right(6) + percent(chance))
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Result of one run.
public struct PairedRecallRun: Sendable, Equatable, Encodable {
  /// Random seed of parameters and examples.
  public let seed: UInt64
  /// Number of steps; fewer than planned when the run diverged.
  public let steps: Int
  /// Mean training loss of the last twentieth of the steps, with the balance loss of the routers;
  /// nil when the run diverged.
  public let loss: Double?
  /// Fraction of right answers in the test; nil when the run diverged.
  public let accuracy: Double?
  /// Use of the routers in the test, one per block with a router.
  public let routers: [RouterUse]
  /// Duration in seconds.
  public let seconds: Double
}
