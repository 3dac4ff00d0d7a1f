import LMNLayers

extension SeededGenerator {
  /// Draws `count` distinct integers below `bound`, uniformly over all ordered selections.
  ///
  /// - Precondition: `count` is at most `bound`.
  mutating func draw(_ count: Int, below bound: Int) -> [Int] {
    precondition(count <= bound, "cannot draw \(count) different numbers below \(bound)")
    // Fisher-Yates shuffle that stores only the moved entries.
    var moved: [Int: Int] = [:]
    return (0..<count).map { place in
      let other = place + integer(below: bound - place)
      let number = moved[other] ?? other
      moved[other] = moved[place] ?? place
      return number
    }
  }

  /// Draws `count` distinct indices of `weights` in sequence, each with a probability proportional
  /// to its weight among the remaining ones.
  ///
  /// - Precondition: `count` is at most the number of weights, and weights are positive.
  mutating func draw(_ count: Int, byWeights weights: [Double]) -> [Int] {
    precondition(count <= weights.count, "cannot draw \(count) of \(weights.count) places")
    var rest = Array(weights.indices)
    return (0..<count).map { _ in
      var distance = Double(uniform(in: 0..<1)) * rest.reduce(0) { $0 + weights[$1] }
      let found = rest.firstIndex { place in
        distance -= weights[place]
        return distance < 0
      }
      // Rounding may leave a small remainder after the last weight.
      return rest.remove(at: found ?? rest.count - 1)
    }
  }
}
