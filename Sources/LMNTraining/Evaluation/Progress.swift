import LMNKernels

/// Progress of a computation, by the number of items done.
public typealias ProgressReport = (_ done: Int) -> Void

extension ExecutionContext {
  /// Results of `body` for items `0 ..< count`, in parts, after each of which `report` is called
  /// with the number of items done.
  func map<Result: Sendable>(
    _ count: Int, reporting report: ProgressReport, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    // A part is large enough to keep all threads busy.
    let part = 32 * threadCount
    var results: [Result] = []
    results.reserveCapacity(count)
    for begin in stride(from: 0, to: count, by: part) {
      results += map(min(part, count - begin)) { body(begin + $0) }
      report(results.count)
    }
    return results
  }
}
