#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The learning rate of each step of a training run.
public enum LearningRateSchedule: Codable, Equatable, Sendable {
  /// The same rate at every step.
  case constant(rate: Float)
  /// A linear rise to the peak, reached at step `warmUpSteps`, then half a cosine down to
  /// `minimumFraction` of the peak, reached at step `totalSteps` and kept from there on.
  case warmUpThenCosine(
    peak: Float, warmUpSteps: Int, totalSteps: Int, minimumFraction: Float)

  /// The rate at a step, where 0 is the first.
  ///
  /// With a warm-up of `n` steps the first rate is `peak / (n + 1)`, so that no step is wasted on a
  /// rate of zero.
  public func rate(at step: Int) -> Float {
    switch self {
    case .constant(let rate):
      return rate
    case .warmUpThenCosine(let peak, let warmUpSteps, let totalSteps, let minimumFraction):
      if step < warmUpSteps { return peak * Float(step + 1) / Float(warmUpSteps + 1) }
      if step >= totalSteps { return peak * minimumFraction }
      let progress = Double(step - warmUpSteps) / Double(totalSteps - warmUpSteps)
      let share = Float((1 + cos(.pi * progress)) / 2)
      return peak * (minimumFraction + (1 - minimumFraction) * share)
    }
  }

  /// The rate that the schedule is made of; its highest, but for a run shorter than its warm-up.
  public var peak: Float {
    switch self {
    case .constant(let rate): rate
    case .warmUpThenCosine(let peak, _, _, _): peak
    }
  }

  /// The step from which on the rate is at its minimum; nil when it never falls.
  public var totalSteps: Int? {
    switch self {
    case .constant: nil
    case .warmUpThenCosine(_, _, let totalSteps, _): totalSteps
    }
  }

  /// The numbers of steps it is made of, by what they are called.
  var counts: [(name: String, count: Int)] {
    [("warm-up", warmUpSteps), ("steps of the schedule", totalSteps ?? 0)]
  }

  /// Steps before the rate is at its peak.
  public var warmUpSteps: Int {
    switch self {
    case .constant: 0
    case .warmUpThenCosine(_, let warmUpSteps, _, _): warmUpSteps
    }
  }
}
