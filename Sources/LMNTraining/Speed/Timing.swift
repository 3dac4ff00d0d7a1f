/// How long the same work took, several times.
public struct Timing: Sendable {
  /// Of every run, ascending.
  public let seconds: [Double]

  /// Repeats some work.
  ///
  /// - Parameters:
  ///   - iterations: Runs, at least 1.
  ///   - limit: Seconds after which there are no more runs, once there are three.
  ///   - run: Does the work and returns how many seconds it took.
  public init(iterations: Int, within limit: Double, of run: () -> Double) {
    let start = ContinuousClock.now
    var seconds: [Double] = []
    repeat {
      seconds.append(run())
    } while seconds.count < iterations
      && (seconds.count < 3 || (ContinuousClock.now - start) / .seconds(1) < limit)
    self.seconds = seconds.sorted()
  }

  /// The seconds of the run in the middle.
  public var median: Double { seconds[seconds.count / 2] }

  /// The seconds of the fastest run.
  public var minimum: Double { seconds[0] }
}
