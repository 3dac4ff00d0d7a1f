public import LMNKernels
public import LMNMemories

/// Divides the next `count` tokens of a stream into chunks of `length`, and these into groups.
///
/// A group has one chunk per thread, so memory is bounded for any number of tokens. Chunks begin at
/// multiples of their length, where memories can compute them in parallel.
func readingGroups(of count: Int, after start: Int, chunks length: Int) -> [[Range<Int>]] {
  let threads = ExecutionContext.current.threadCount
  var groups: [[Range<Int>]] = []
  var begin = 0
  while begin < count {
    let toBoundary = length - (start + begin) % length
    let whole = min(threads, (count - begin) / length)
    if toBoundary == length && whole > 0 {
      groups.append(
        (0..<whole).map { begin + $0 * length..<begin + ($0 + 1) * length })
    } else {
      groups.append([begin..<min(begin + toBoundary, count)])
    }
    begin = groups.last!.last!.upperBound
  }
  return groups
}

extension Block {
  /// The parallel form without gradients, with little memory beyond input and output.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the next L tokens.
  ///   - state: The memory's state before them, updated to that after them.
  ///   - start: Position of the first token.
  /// - Returns: `[L, E]`.
  public func read(_ x: Tensor, after state: inout MemoryState, start: Int = 0) -> Tensor {
    Tensor(shape: x.shape) { output in
      for group in readingGroups(of: x.shape[0], after: start, chunks: memory.chunkLength) {
        let outputs = read(group.map(x.rows), after: &state, start: start + group[0].lowerBound)
        for (range, rows) in zip(group, outputs) {
          rows.withScalars {
            (output + range.lowerBound * x.shape[1]).update(from: $0, count: rows.count)
          }
        }
      }
    }
  }
}
