import LMNLayers

extension SeededGenerator {
  /// Draws `count` different numbers below `bound`, every selection and order as likely as any.
  ///
  /// - Precondition: There are as many.
  mutating func draw(_ count: Int, below bound: Int) -> [Int] {
    precondition(count <= bound, "cannot draw \(count) different numbers below \(bound)")
    // A shuffle that only knows of numbers which are not in their own place.
    var moved: [Int: Int] = [:]
    return (0..<count).map { place in
      let other = place + integer(below: bound - place)
      let number = moved[other] ?? other
      moved[other] = moved[place] ?? place
      return number
    }
  }

  /// Draws `count` different places of `weights`, one after the other, each with a probability in
  /// proportion to its weight among those that are left.
  ///
  /// - Precondition: There are as many, and weights are positive.
  mutating func draw(_ count: Int, byWeights weights: [Double]) -> [Int] {
    precondition(count <= weights.count, "cannot draw \(count) of \(weights.count) places")
    var rest = Array(weights.indices)
    return (0..<count).map { _ in
      var distance = Double(uniform(in: 0..<1)) * rest.reduce(0) { $0 + weights[$1] }
      let found = rest.firstIndex { place in
        distance -= weights[place]
        return distance < 0
      }
      // Rounding may leave a little behind the last.
      return rest.remove(at: found ?? rest.count - 1)
    }
  }
}
