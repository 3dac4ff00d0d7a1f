import LMN
import Testing

/// Kind of interruption of a run.
enum Interruption {
  /// A stop by the user, which saves.
  case stop
  /// A crash: steps after the last checkpoint are lost.
  case kill
}

extension Trainer {
  /// Takes `steps` steps, then is interrupted.
  mutating func run(steps: Int, then interruption: Interruption) throws {
    var taken = 0
    switch interruption {
    case .stop:
      let isComplete = try run(shouldStop: { taken == steps }) { event in
        if case .step = event { taken += 1 }
      }
      #expect(!isComplete)
    case .kill:
      #expect(throws: Kill.self) {
        try run(report: { event in
          if case .step = event { taken += 1 }
          if taken == steps { throw Kill() }
        })
      }
    }
  }
}

private struct Kill: Error {}
