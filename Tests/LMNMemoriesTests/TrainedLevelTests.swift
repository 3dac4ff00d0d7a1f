import LMNMemories
import Testing

/// Levels that streams of a given length train.
@Suite struct TrainedLevelTests {
  /// Ages of the newest nodes of the levels from 1 up, in tokens, at each position of a stream.
  ///
  /// Nil before the first node of a level. They determine the nodes that a position attends to.
  private func views(arity: Int, levels: Int, length: Int) -> Set<[Int?]> {
    Set(
      (1...length).map { count in
        var span = 1
        return (1...levels).map { _ in
          span *= arity
          return count < span ? nil : count % span
        }
      })
  }

  /// A longer stream has no other views than the windows of training, and with one level more it
  /// would.
  @Test(arguments: [2, 3, 4])
  func longStreamsHaveNoOtherViews(arity: Int) {
    var settings = LogarithmicMemory.Settings()
    settings.arity = arity
    for length in 1...40 {
      let levels = settings.highestTrainedLevel(byStreamsOf: length)
      func isTrained(_ levels: Int) -> Bool {
        views(arity: arity, levels: levels, length: 6 * length + 6 * arity * arity)
          .isSubset(of: views(arity: arity, levels: levels, length: length))
      }
      #expect(isTrained(levels) == (length >= 2 * arity - 1), "length \(length)")
      #expect(!isTrained(levels + 1), "length \(length)")
    }
  }

  @Test func lengthsOfTrainingHaveTheseLevels() {
    var settings = LogarithmicMemory.Settings()
    #expect(
      [512, 511, 510, 128, 1, .max].map(settings.highestTrainedLevel) == [8, 8, 7, 6, 1, 47])
    settings.arity = 1
    #expect(settings.highestTrainedLevel(byStreamsOf: 512) == 1)
  }
}
