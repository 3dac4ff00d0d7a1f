public import Testing

/// Expects every element of `actual` to differ from that of `expected` by at most its bound; NaN is
/// never close.
public func expectClose(
  _ actual: [Float], _ expected: [Float], within bounds: [Double], _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count, bounds.count == expected.count else {
    Issue.record(
      "\(label): \(actual.count) of \(expected.count) elements, \(bounds.count) bounds",
      sourceLocation: sourceLocation)
    return
  }
  let far = actual.indices.filter {
    !(abs(Double(actual[$0]) - Double(expected[$0])) <= bounds[$0])
  }
  guard let first = far.first else { return }
  Issue.record(
    """
    \(label): \(far.count) of \(actual.count) elements are too far off, first [\(first)]: \
    \(actual[first]) instead of \(expected[first]) ± \(bounds[first])
    """, sourceLocation: sourceLocation)
}
