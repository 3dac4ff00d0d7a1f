#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Learning rate of each training step.
public enum LearningRateSchedule: Codable, Equatable, Sendable {
  /// Constant learning rate.
  case constant(rate: Float)
  /// Linear warm-up to `peak` at step `warmUpSteps`, then a half cosine to `minimumFraction * peak`
  /// at step `totalSteps`, constant after it.
  case warmUpThenCosine(
    peak: Float, warmUpSteps: Int, totalSteps: Int, minimumFraction: Float)

  /// The learning rate at a step, counted from 0.
  ///
  /// With `n` warm-up steps the first rate is `peak / (n + 1)`, so that no step has rate zero.
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

  /// Peak learning rate; not reached by a run shorter than the warm-up.
  public var peak: Float {
    switch self {
    case .constant(let rate): rate
    case .warmUpThenCosine(let peak, _, _, _): peak
    }
  }

  /// First step with the minimum rate; nil for a constant rate.
  public var totalSteps: Int? {
    switch self {
    case .constant: nil
    case .warmUpThenCosine(_, _, let totalSteps, _): totalSteps
    }
  }

  /// The schedule's step counts, with names for errors.
  var counts: [(name: String, count: Int)] {
    [("warm-up", warmUpSteps), ("steps of the schedule", totalSteps ?? 0)]
  }

  /// Number of warm-up steps.
  public var warmUpSteps: Int {
    switch self {
    case .constant: 0
    case .warmUpThenCosine(_, let warmUpSteps, _, _): warmUpSteps
    }
  }
}
