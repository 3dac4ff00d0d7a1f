import LMNTestSupport

/// Ways of dividing rows into segments.
enum SegmentDivision: String, CaseIterable {
  /// One segment without offsets.
  case whole
  case one, emptyFirst, emptyMiddle, emptyLast, ragged

  /// Number of segments.
  var count: Int {
    switch self {
    case .whole, .one: 1
    case .emptyFirst, .emptyLast: 2
    case .emptyMiddle: 3
    case .ragged: 7
    }
  }

  /// Offsets of the segments of `rows` rows; nil for one segment of all.
  func offsets(rows: Int) -> [Int32]? {
    let end = Int32(rows)
    switch self {
    case .whole: return nil
    case .one: return [0, end]
    case .emptyFirst: return [0, 0, end]
    case .emptyMiddle: return [0, end / 3, end / 3, end]
    case .emptyLast: return [0, end, end]
    case .ragged:
      var values = SeededValues(seed: UInt64(rows))
      return [0] + values.integers(count - 1, below: rows + 1).sorted() + [end]
    }
  }

  /// Ranges of the rows of each segment.
  func ranges(rows: Int) -> [Range<Int>] {
    let offsets = (offsets(rows: rows) ?? [0, Int32(rows)]).map(Int.init)
    return zip(offsets, offsets.dropFirst()).map { $0..<$1 }
  }
}
