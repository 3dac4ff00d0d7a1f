#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Map from the values of an axis to places between 0 and 1, with ticks at round values.
struct AxisMap {
  /// A labelled value.
  struct Tick: Equatable {
    let value: Double
    let label: String
  }

  let ticks: [Tick]
  private let axis: Axis
  /// Coordinates of the ends: values, or their logarithms to base 10.
  private let (start, end): (Double, Double)

  /// The map of an axis that covers `values` and its own range, without values it cannot show.
  init(_ axis: Axis, covering values: [Double]) {
    self.axis = axis
    let bounds = axis.range.map { [$0.lowerBound, $0.upperBound] } ?? []
    let shown = (values + bounds).filter(axis.contains)
    switch axis.scale {
    case .linear:
      let (low, high) = Self.separate(shown.min() ?? 0, shown.max() ?? 1)
      let step = Self.roundStep(of: (high - low) / 5)
      (start, end) = ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step)
      let first = (start / step).rounded()
      let count = Int(((end - start) / step).rounded())
      let digits = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
      ticks = (0...count).map { index in
        let value = (first + Double(index)) * step
        return Tick(value: value, label: value.label(decimals: digits))
      }
    case .logarithmic:
      let (low, high) = (shown.min() ?? 1, shown.max() ?? 10)
      let multiples = Self.multiples(spanning: log10(high / low))
      let candidates = ((log10(low).rounded(.down) - 1)...(log10(high).rounded(.up) + 1))
        .integers.flatMap { exponent in
          multiples.map { multiple in
            // The multiple 1.5 has a decimal more than the others.
            let decimals = max(0, (multiple == 1.5 ? 1 : 0) - exponent)
            return (value: multiple * pow(10, Double(exponent)), decimals: decimals)
          }
        }
      let margin = 1 + 1e-9
      let first = candidates.lastIndex { $0.value <= low * margin } ?? 0
      let last = max(
        first + 1, candidates.firstIndex { $0.value * margin >= high } ?? candidates.count - 1)
      (start, end) = (log10(candidates[first].value), log10(candidates[last].value))
      ticks = candidates[first...last].map { value, decimals in
        Tick(value: value, label: value.label(decimals: decimals))
      }
    }
  }

  /// Place of a value: 0 at the start of the axis, 1 at its end; nil for a value without a place.
  func place(of value: Double) -> Double? {
    guard axis.contains(value) else { return nil }
    return ((axis.scale == .linear ? value : log10(value)) - start) / (end - start)
  }

  /// The value at a place.
  func value(at place: Double) -> Double {
    let coordinate = start + place * (end - start)
    return axis.scale == .linear ? coordinate : pow(10, coordinate)
  }

  /// Two different bounds around equal ones.
  private static func separate(_ low: Double, _ high: Double) -> (Double, Double) {
    // Below this difference, steps of a double would show as noise.
    guard high - low <= 1e-12 * max(abs(low), abs(high)) else { return (low, high) }
    let margin = low == 0 ? 1 : abs(low) / 2
    return (low - margin, high + margin)
  }

  /// The smallest of 1, 2 and 5 times a power of ten that is at least `step`.
  private static func roundStep(of step: Double) -> Double {
    let power = pow(10, log10(step).rounded(.down))
    return [1, 2, 5].map { $0 * power }.first { $0 >= step * (1 - 1e-9) } ?? 10 * power
  }

  /// Multiples of powers of ten with a tick, for the number of decades of an axis.
  private static func multiples(spanning decades: Double) -> [Double] {
    decades < 1 ? [1, 1.5, 2, 3, 4, 5, 7] : decades < 3 ? [1, 2, 5] : [1]
  }
}

extension ClosedRange<Double> {
  /// The integers of a range between integers.
  fileprivate var integers: ClosedRange<Int> { Int(lowerBound)...Int(upperBound) }
}
