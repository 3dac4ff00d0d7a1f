import LMN
import Testing

/// How a run ends before it is complete.
enum Interruption {
  /// As a user stops it: it saves.
  case stop
  /// As a machine does: what came after the last checkpoint is lost.
  case kill
}

extension Trainer {
  /// Takes so many steps, and is interrupted.
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
