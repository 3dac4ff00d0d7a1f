import LMNModel

extension TaskKind {
  /// Epochs of a run that is given neither steps nor epochs; nil where it has a number of steps.
  public var usualEpochs: Int? { self == .classify ? 5 : nil }
}

extension TrainingConfiguration {
  /// Takes the defaults for labelled texts of a size: windows for the longest, up to the default length,
  /// texts per step, and a table with at least as many buckets as there are n-grams, up to the default.
  public mutating func suit(textsOf size: TrainingSize) {
    blockLength = min(size.longest ?? blockLength, blockLength)
    batchSize = 32
    var nGrams = NGrams.Settings()
    let (count, overflows) = size.tokens.multipliedReportingOverflow(by: nGrams.longest)
    while !overflows, nGrams.buckets / 2 >= max(count, 1) { nGrams.buckets /= 2 }
    task.classification.nGrams = nGrams
  }
}
