import LMNMemories
import LMNModel

/// Size of the training part of a run's data.
public struct TrainingSize: Sendable {
  /// Number of tokens of a text, rows of a series, or labelled texts.
  public var count: Int
  /// Number of tokens of the longest labelled text; nil for other tasks.
  public var longest: Int?
  /// Number of tokens of all labelled texts.
  public var tokens = 0

  /// A training part of `count` tokens, rows or texts.
  public init(count: Int, longest: Int? = nil) { (self.count, self.longest) = (count, longest) }

  /// Share of the data that is the training part, unless there are validation data beside it.
  static let share = 0.9
}

extension TrainingConfiguration {
  /// Number of steps of an epoch, which reads as many tokens, rows or texts as the training part
  /// has; with carried state, of a pass over it.
  public func stepsPerEpoch(over size: TrainingSize) -> Int {
    if carry != nil { return stepsPerPass(over: size) }
    guard isDivisor else { return 1 }
    func quotient(_ count: Int, _ divisor: Int) -> Int { (count + divisor - 1) / divisor }
    let windows = task.kind == .classify ? size.count : quotient(size.count, rowLength)
    return max(1, quotient(windows, batchSize))
  }

  /// Largest number of tokens that a stream has in training: those of a window, or with carried
  /// state those that a row reads before it restarts.
  ///
  /// It does not depend on the steps, of which a resumed run may have more.
  public func streamLength(over size: TrainingSize) -> Int {
    if carry == nil { return min(blockLength, size.longest ?? blockLength) }
    guard isDivisor else { return blockLength }
    let length = stepsPerPass(over: size) * rowLength
    return min(length, model.maximumLength ?? length)
  }

  /// Limits the trees that have no limit to the levels that streams of `length` tokens train.
  public mutating func limitLevels(toStreamsOf length: Int) {
    for index in model.memories.indices {
      guard var settings = model.memories[index].settings as? LogarithmicMemory.Settings,
        settings.maximumLevels == nil
      else { continue }
      settings.maximumLevels = settings.highestTrainedLevel(byStreamsOf: length)
      model.memories[index].settings = settings
    }
  }

  private func stepsPerPass(over size: TrainingSize) -> Int {
    isDivisor ? max(1, (size.count - 1) / batchSize / rowLength) : 1
  }

  /// Whether the numbers of tokens of a step are valid, also before the settings are validated.
  private var isDivisor: Bool {
    [batchSize, blockLength, carry?.horizon ?? 1]
      .allSatisfy((1...Configuration.largestSize).contains)
  }
}
