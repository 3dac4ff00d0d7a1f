/// Durations of repeated runs.
public struct Timing: Sendable {
  /// Duration of each run, ascending.
  public let seconds: [Double]

  /// Repeats a run.
  ///
  /// - Parameters:
  ///   - iterations: Most runs, at least 1.
  ///   - limit: Seconds after which no further run starts, once there are three.
  ///   - run: Runs once and returns its duration in seconds.
  public init(iterations: Int, within limit: Double, of run: () -> Double) {
    let start = ContinuousClock.now
    var seconds: [Double] = []
    repeat {
      seconds.append(run())
    } while seconds.count < iterations
      && (seconds.count < 3 || (ContinuousClock.now - start) / .seconds(1) < limit)
    self.seconds = seconds.sorted()
  }

  /// Median duration in seconds.
  public var median: Double { seconds[seconds.count / 2] }

  /// Shortest duration in seconds.
  public var minimum: Double { seconds[0] }
}
