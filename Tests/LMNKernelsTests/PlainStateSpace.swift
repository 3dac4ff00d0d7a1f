/// The recurrence of diagonal state space models and its pullback, by their definitions, in double
/// precision.
///
/// With magnitudes for inputs and every difference a sum, results are the magnitudes of the same
/// sums and products: the unit of bounds of rounding errors.
struct PlainStateSpace {
  let length, width, states: Int
  /// `[L, E]`.
  let y: [Double]
  /// `[P, 4, E]`.
  let coefficients: [Double]
  /// `[E]`.
  let skip: [Double]
  /// `[P, 2, E]`.
  let before: [Double]
  /// Factor of the second term of differences: −1, or 1 for magnitudes.
  private let less: Double

  init(
    length: Int, width: Int, states: Int, y: [Float], coefficients: [Float], skip: [Float],
    before: [Float], magnitudes: Bool = false
  ) {
    (self.length, self.width, self.states) = (length, width, states)
    less = magnitudes ? 1 : -1
    let convert = { (values: [Float]) in values.map { Double(magnitudes ? abs($0) : $0) } }
    self.y = convert(y)
    self.coefficients = convert(coefficients)
    self.skip = convert(skip)
    self.before = convert(before)
  }

  /// Real and imaginary part of a row pair at channel `e`.
  private func pair(_ values: [Double], _ row: Int, _ e: Int) -> (re: Double, im: Double) {
    (values[row * width + e], values[(row + 1) * width + e])
  }

  /// States before every token and after the last, of state n of channel e.
  private func history(_ n: Int, _ e: Int) -> [(re: Double, im: Double)] {
    let a = pair(coefficients, 4 * n, e)
    return (0..<length).reduce(into: [pair(before, 2 * n, e)]) { history, t in
      let h = history[t]
      history.append(
        (a.re * h.re + less * a.im * h.im + y[t * width + e], a.re * h.im + a.im * h.re))
    }
  }

  /// s `[L, E]`, and the states after the tokens, `[P, 2, E]`.
  func results() -> (s: [Double], after: [Double]) {
    var s = y.indices.map { skip[$0 % width] * y[$0] }
    var after = before
    for e in 0..<width {
      for n in 0..<states {
        let (w, history) = (pair(coefficients, 4 * n + 2, e), history(n, e))
        for t in 0..<length {
          s[t * width + e] += w.re * history[t + 1].re + less * w.im * history[t + 1].im
        }
        after[2 * n * width + e] = history[length].re
        after[(2 * n + 1) * width + e] = history[length].im
      }
    }
    return (s, after)
  }

  /// Cotangents of the first states `[P, 2, E]`, y, coefficients and skip, given those of s and of
  /// the last states.
  func pullback(_ d_s: [Float], _ d_after: [Float]) -> [[Double]] {
    let d_s = d_s.map { Double(less > 0 ? abs($0) : $0) }
    var d_states = d_after.map { Double(less > 0 ? abs($0) : $0) }
    var d_y = d_s.indices.map { skip[$0 % width] * d_s[$0] }
    var d_coefficients = coefficients.map { _ in 0.0 }
    var d_skip = skip.map { _ in 0.0 }
    for e in 0..<width {
      for t in 0..<length { d_skip[e] += d_s[t * width + e] * y[t * width + e] }
      for n in 0..<states {
        let (a, w) = (pair(coefficients, 4 * n, e), pair(coefficients, 4 * n + 2, e))
        let history = history(n, e)
        var d = pair(d_states, 2 * n, e)
        var sums = [Double](repeating: 0, count: 4)
        for t in (0..<length).reversed() {
          let (slope, h, next) = (d_s[t * width + e], history[t], history[t + 1])
          d = (d.re + slope * w.re, d.im + less * slope * w.im)
          d_y[t * width + e] += d.re
          sums[0] += d.re * h.re + d.im * h.im
          sums[1] += d.im * h.re + less * d.re * h.im
          sums[2] += slope * next.re
          sums[3] += less * slope * next.im
          d = (a.re * d.re + a.im * d.im, a.re * d.im + less * a.im * d.re)
        }
        d_states[2 * n * width + e] = d.re
        d_states[(2 * n + 1) * width + e] = d.im
        for part in 0..<4 { d_coefficients[(4 * n + part) * width + e] = sums[part] }
      }
    }
    return [d_states, d_y, d_coefficients, d_skip]
  }
}
