internal import LMNModel
internal import LMNTraining

/// Throws unless all counts are in the range of sizes.
func expectCounts(_ counts: [(name: String, count: Int)]) throws(TrainingError) {
  for (name, count) in counts where !(1...Configuration.largestSize).contains(count) {
    throw .outOfRange(
      name: name, value: "\(count)", range: "1 to \(Configuration.largestSize)")
  }
}

/// Throws unless all numbers are positive and finite.
func expectPositive(_ numbers: [(name: String, number: Float)]) throws(TrainingError) {
  for (name, number) in numbers where !(number > 0 && number.isFinite) {
    throw .outOfRange(name: name, value: "\(number)", range: "above 0 and finite")
  }
}

/// Throws if a list is empty.
func expectSome(_ name: String, _ list: [some Any]) throws(TrainingError) {
  if list.isEmpty { throw .outOfRange(name: name, value: "none", range: "one or more") }
}
